# SPDX-License-Identifier: MIT
# libjwt: no CMake package of its own in the versions we use. Gives LibJwt::LibJwt.
find_path(LibJwt_INCLUDE_DIR jwt.h DOC "Where libjwt's jwt.h lies (Debian: libjwt-dev)")
find_library(LibJwt_LIBRARY jwt DOC "libjwt")
mark_as_advanced(LibJwt_INCLUDE_DIR LibJwt_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibJwt REQUIRED_VARS LibJwt_LIBRARY LibJwt_INCLUDE_DIR)

if(LibJwt_FOUND AND NOT TARGET LibJwt::LibJwt)
  add_library(LibJwt::LibJwt UNKNOWN IMPORTED)
  set_target_properties(LibJwt::LibJwt PROPERTIES
    IMPORTED_LOCATION ${LibJwt_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${LibJwt_INCLUDE_DIR})
endif()
