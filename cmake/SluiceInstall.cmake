# SPDX-License-Identifier: MIT
# `cmake --install`: the libraries, the headers, the package that find_package(sluice) reads, and one file for pkg-config
# for each library.
include(CMakePackageConfigHelpers)

set(sluice_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/sluice)

# Each library is a component with a targets file of its own. A program that names its COMPONENTS then needs what these
# need, and nothing else.
set(sluice_components)  # in this order: a library stands behind those that it uses
foreach(component sluice websocket asio auth redis nats testing)
  set(target sluice_${component})
  if(component STREQUAL "sluice")
    set(target sluice)
  endif()
  if(NOT TARGET ${target})
    continue()
  endif()
  list(APPEND sluice_components ${component})
  # The libraries find each other, and tools find them, wherever the copy is moved to.
  set_target_properties(${target} PROPERTIES INSTALL_RPATH "$ORIGIN")
  install(TARGETS ${target} EXPORT sluice-${component}
    LIBRARY COMPONENT libraries NAMELINK_COMPONENT development
    ARCHIVE COMPONENT development)
  install(EXPORT sluice-${component} NAMESPACE sluice:: DESTINATION ${sluice_package_dir}
    FILE sluice-${component}Targets.cmake COMPONENT development)
endforeach()

# What each component needs. CMAKE: packages that find_package() must find. PKGCONFIG: the same for pkg-config. Shared
# libraries have theirs linked in already; only Asio is in headers.
set(sluice_cmake_of_sluice Threads)
set(sluice_cmake_of_asio Asio)
if(NOT BUILD_SHARED_LIBS)
  list(APPEND sluice_cmake_of_sluice fmt simdjson RE2)
  set(sluice_cmake_of_websocket fmt OpenSSL ZLIB)
  list(APPEND sluice_cmake_of_asio fmt OpenSSL)
  set(sluice_cmake_of_auth fmt OpenSSL)
  set(sluice_cmake_of_redis fmt OpenSSL Hiredis MsgpackCxx)
  set(sluice_cmake_of_nats fmt Nats)
  set(sluice_cmake_of_testing fmt)
  set(sluice_pkgconfig_of_sluice fmt simdjson re2)
  set(sluice_pkgconfig_of_websocket fmt libcrypto zlib)
  set(sluice_pkgconfig_of_asio fmt libssl libcrypto)
  set(sluice_pkgconfig_of_auth fmt libcrypto)
  set(sluice_pkgconfig_of_redis fmt hiredis libcrypto)
  set(sluice_pkgconfig_of_nats fmt libnats)
  set(sluice_pkgconfig_of_testing fmt)
endif()
set(sluice_dependencies)  # for sluiceConfig.cmake
foreach(component IN LISTS sluice_components)
  list(JOIN sluice_cmake_of_${component} " " packages)
  string(APPEND sluice_dependencies "set(_sluice_needs_${component} ${packages})\n")
endforeach()

# The files for pkg-config. Their prefix is where they lie, so that a copy can be moved.
set(sluice_pkgconfig_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
  set(pc_prefix ${CMAKE_INSTALL_PREFIX})
else()
  file(RELATIVE_PATH pc_up /prefix/${sluice_pkgconfig_dir} /prefix)
  string(REGEX REPLACE "/$" "" pc_up "${pc_up}")
  set(pc_prefix "\${pcfiledir}/${pc_up}")
endif()
foreach(directory LIBDIR INCLUDEDIR)
  if(IS_ABSOLUTE "${CMAKE_INSTALL_${directory}}")
    set(pc_${directory} ${CMAKE_INSTALL_${directory}})
  else()
    set(pc_${directory} "\${prefix}/${CMAKE_INSTALL_${directory}}")
  endif()
endforeach()
set(sluice_about_sluice "consumers, channel layers and pages over WebSockets")
set(sluice_about_websocket "HTTP and WebSocket without sockets")
set(sluice_about_asio "the WebSocket server on standalone Asio")
set(sluice_about_auth "tokens and origins as middleware")
set(sluice_about_redis "channel layers across processes, on Redis")
set(sluice_about_nats "a channel layer across processes, on NATS")
set(sluice_about_testing "a clock moved by hand and clients without sockets, for tests")
foreach(component IN LISTS sluice_components)
  set(pc_name sluice-${component})
  set(pc_library sluice_${component})
  set(pc_requires "sluice = ${PROJECT_VERSION}" ${sluice_pkgconfig_of_${component}})
  set(pc_cflags)
  set(pc_libs)
  if(component STREQUAL "sluice")
    set(pc_name sluice)
    set(pc_library sluice)
    set(pc_requires ${sluice_pkgconfig_of_sluice})
    set(pc_cflags "-pthread")
    set(pc_libs "-pthread")
  elseif(component STREQUAL "asio")
    list(PREPEND pc_requires "sluice-websocket = ${PROJECT_VERSION}")
    # As Asio::Asio in FindAsio.cmake, of which pkg-config knows nothing: Debian's Asio has no file for it.
    get_target_property(definitions Asio::Asio INTERFACE_COMPILE_DEFINITIONS)
    list(TRANSFORM definitions PREPEND "-D")
    list(APPEND pc_cflags ${definitions})
    if(Asio_INCLUDE_DIR AND NOT Asio_INCLUDE_DIR IN_LIST CMAKE_CXX_IMPLICIT_INCLUDE_DIRECTORIES)
      list(APPEND pc_cflags "-I${Asio_INCLUDE_DIR}")
    endif()
  endif()
  set(pc_about ${sluice_about_${component}})
  list(JOIN pc_requires ", " pc_requires)
  list(JOIN pc_cflags " " pc_cflags)
  list(JOIN pc_libs " " pc_libs)
  configure_file(${CMAKE_CURRENT_LIST_DIR}/sluice.pc.in ${PROJECT_BINARY_DIR}/pkgconfig/${pc_name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/pkgconfig/${pc_name}.pc DESTINATION ${sluice_pkgconfig_dir} COMPONENT development)
endforeach()

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/sluiceConfig.cmake.in ${PROJECT_BINARY_DIR}/sluiceConfig.cmake
  INSTALL_DESTINATION ${sluice_package_dir} NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/sluiceConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/sluice DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)
install(FILES
  ${PROJECT_BINARY_DIR}/sluiceConfig.cmake ${PROJECT_BINARY_DIR}/sluiceConfigVersion.cmake
  ${CMAKE_CURRENT_LIST_DIR}/SluiceDescribe.cmake ${CMAKE_CURRENT_LIST_DIR}/FindRE2.cmake ${CMAKE_CURRENT_LIST_DIR}/FindAsio.cmake
  ${CMAKE_CURRENT_LIST_DIR}/FindHiredis.cmake ${CMAKE_CURRENT_LIST_DIR}/FindMsgpackCxx.cmake
  ${CMAKE_CURRENT_LIST_DIR}/FindNats.cmake
  DESTINATION ${sluice_package_dir} COMPONENT development)
# In the package that the others of this kind depend on; tools have their own.
set(sluice_licence_component development)
if(BUILD_SHARED_LIBS)
  set(sluice_licence_component libraries)
endif()
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT ${sluice_licence_component})
include(SluicePackages)
