# SPDX-License-Identifier: MIT
# `cmake --install`: the libraries, the headers and the package that find_package(sluice) reads.
include(CMakePackageConfigHelpers)

set(sluice_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/sluice)
foreach(target sluice sluice_websocket sluice_asio sluice_auth sluice_redis sluice_nats sluice_testing)
  if(TARGET ${target})
    install(TARGETS ${target} EXPORT sluiceTargets)
  endif()
endforeach()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/sluice DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT sluiceTargets NAMESPACE sluice:: DESTINATION ${sluice_package_dir})

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/sluiceConfig.cmake.in ${PROJECT_BINARY_DIR}/sluiceConfig.cmake
  INSTALL_DESTINATION ${sluice_package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/sluiceConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  ${PROJECT_BINARY_DIR}/sluiceConfig.cmake ${PROJECT_BINARY_DIR}/sluiceConfigVersion.cmake
  ${CMAKE_CURRENT_LIST_DIR}/SluiceDescribe.cmake ${CMAKE_CURRENT_LIST_DIR}/FindRE2.cmake ${CMAKE_CURRENT_LIST_DIR}/FindAsio.cmake
  ${CMAKE_CURRENT_LIST_DIR}/FindHiredis.cmake ${CMAKE_CURRENT_LIST_DIR}/FindMsgpackCxx.cmake
  ${CMAKE_CURRENT_LIST_DIR}/FindNats.cmake
  DESTINATION ${sluice_package_dir})
