# SPDX-License-Identifier: MIT
# Standalone Asio: headers only, and no CMake package of its own. Gives Asio::Asio.
find_path(Asio_INCLUDE_DIR asio.hpp DOC "Where standalone Asio's asio.hpp lies (Debian: libasio-dev)")
mark_as_advanced(Asio_INCLUDE_DIR)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Asio REQUIRED_VARS Asio_INCLUDE_DIR)

if(Asio_FOUND AND NOT TARGET Asio::Asio)
  find_package(Threads REQUIRED)
  add_library(Asio::Asio INTERFACE IMPORTED)
  target_include_directories(Asio::Asio INTERFACE ${Asio_INCLUDE_DIR})
  # Left to itself Asio looks for aligned_alloc by a macro of the standard library, which is there only if a standard
  # header came before: then one file allocates what another one frees in another way.
  target_compile_definitions(Asio::Asio INTERFACE ASIO_STANDALONE ASIO_DISABLE_STD_ALIGNED_ALLOC)
  target_link_libraries(Asio::Asio INTERFACE Threads::Threads)
endif()
