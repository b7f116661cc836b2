# SPDX-License-Identifier: MIT
# cnats, the C client of NATS: its own CMake package names files of the machine where it was built. Gives Nats::Nats.
find_path(Nats_INCLUDE_DIR nats/nats.h DOC "Where nats/nats.h lies (Debian: libnats-dev)")
find_library(Nats_LIBRARY nats DOC "cnats")
mark_as_advanced(Nats_INCLUDE_DIR Nats_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Nats REQUIRED_VARS Nats_LIBRARY Nats_INCLUDE_DIR)

if(Nats_FOUND AND NOT TARGET Nats::Nats)
  add_library(Nats::Nats UNKNOWN IMPORTED)
  set_target_properties(Nats::Nats PROPERTIES
    IMPORTED_LOCATION ${Nats_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${Nats_INCLUDE_DIR})
endif()
