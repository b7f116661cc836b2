# SPDX-License-Identifier: MIT
include(GNUInstallDirs)
include(SluiceWarnings)

# sluice_library(NAME ROOMS room... PUBLIC library... PRIVATE library...)
# A library from the rooms' source files, with the alias sluice::NAME that an installed copy has too.
function(sluice_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "ROOMS;PUBLIC;PRIVATE")
  set(sources)
  foreach(room IN LISTS arg_ROOMS)
    file(GLOB_RECURSE room_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${room}/*.cpp)
    list(APPEND sources ${room_sources})
  endforeach()

  set(target sluice)
  if(NOT name STREQUAL "sluice")
    set(target sluice_${name})
  endif()
  add_library(${target} ${sources})
  add_library(sluice::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES
    EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_include_directories(${target}
    PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
    PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(${target} PUBLIC ${arg_PUBLIC} PRIVATE ${arg_PRIVATE})
  if(SLUICE_UNITY)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")  # which takes what is anonymous in a joined source for part of a header
      target_compile_options(${target} PRIVATE -Wno-subobject-linkage)
    endif()
  endif()
  sluice_warnings(${target})
endfunction()
