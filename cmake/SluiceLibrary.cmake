# SPDX-License-Identifier: MIT
include(GNUInstallDirs)
include(SluiceWarnings)

# The name that a program finds a shared library by. Before 1.0 each minor version may change the interface, so each has
# a name of its own: what SameMinorVersion says to find_package() in SluiceInstall.cmake.
set(sluice_soversion ${PROJECT_VERSION_MAJOR})
if(PROJECT_VERSION_MAJOR EQUAL 0)
  set(sluice_soversion 0.${PROJECT_VERSION_MINOR})
endif()

# sluice_library(NAME ROOMS room... PUBLIC library... PRIVATE library...)
# A library from the rooms' source files, with the alias sluice::NAME that an installed copy has too. The sources are
# globbed: a room is a folder, every .cpp in it belongs to it, and a list could only say less. CONFIGURE_DEPENDS has each
# build look again.
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
    EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON VERSION ${PROJECT_VERSION} SOVERSION ${sluice_soversion}
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)  # SLUICE_API marks what is public
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_include_directories(${target}
    PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
    PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(${target} PUBLIC ${arg_PUBLIC} PRIVATE ${arg_PRIVATE})
  if(BUILD_SHARED_LIBS AND NOT SLUICE_SANITIZE)
    target_link_options(${target} PRIVATE LINKER:-z,defs)  # what is not exported is missed here, not in a program
  endif()
  if(SLUICE_UNITY)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")  # which takes what is anonymous in a joined source for part of a header
      target_compile_options(${target} PRIVATE -Wno-subobject-linkage)
    endif()
  endif()
  sluice_warnings(${target})
endfunction()
