# SPDX-License-Identifier: MIT
# What the rooms stand on. Each is found on the system, in the versions of Debian 12 and Debian 13.
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(simdjson REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(PkgConfig REQUIRED)

# Standalone Asio ships headers only.
find_path(SLUICE_ASIO_INCLUDE_DIR asio.hpp REQUIRED DOC "Where standalone Asio's asio.hpp lies (Debian: libasio-dev)")
add_library(sluice_asio_headers INTERFACE)
target_include_directories(sluice_asio_headers SYSTEM INTERFACE $<BUILD_INTERFACE:${SLUICE_ASIO_INCLUDE_DIR}>)
target_compile_definitions(sluice_asio_headers INTERFACE ASIO_STANDALONE ASIO_NO_DEPRECATED)

pkg_check_modules(SLUICE_JWT REQUIRED IMPORTED_TARGET libjwt)
add_library(sluice_jwt INTERFACE)
target_link_libraries(sluice_jwt INTERFACE PkgConfig::SLUICE_JWT)
