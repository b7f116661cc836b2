# SPDX-License-Identifier: MIT
# hiredis: its own CMake package is not the same from version to version. Gives Hiredis::Hiredis.
find_path(Hiredis_INCLUDE_DIR hiredis/hiredis.h DOC "Where hiredis/hiredis.h lies (Debian: libhiredis-dev)")
find_library(Hiredis_LIBRARY hiredis DOC "hiredis")
mark_as_advanced(Hiredis_INCLUDE_DIR Hiredis_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Hiredis REQUIRED_VARS Hiredis_LIBRARY Hiredis_INCLUDE_DIR)

if(Hiredis_FOUND AND NOT TARGET Hiredis::Hiredis)
  add_library(Hiredis::Hiredis UNKNOWN IMPORTED)
  set_target_properties(Hiredis::Hiredis PROPERTIES
    IMPORTED_LOCATION ${Hiredis_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${Hiredis_INCLUDE_DIR})
endif()
