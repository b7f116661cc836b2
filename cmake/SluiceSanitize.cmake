# SPDX-License-Identifier: MIT
# What SLUICE_SANITIZE names, in everything that is built.
if(SLUICE_SANITIZE)
  list(JOIN SLUICE_SANITIZE "," sanitizers)
  add_compile_options(-fsanitize=${sanitizers} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${sanitizers})
  if("undefined" IN_LIST SLUICE_SANITIZE AND CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    # A call through a pointer of another type: C callbacks, as the libraries beneath declare them.
    add_compile_options(-fno-sanitize=function)
  endif()
endif()

# sluice_sanitize_less(TARGET): leaves out the checks that AddressSanitizer makes superfluous or that guard every access
# to a member. They take a quarter of the time that a test takes to compile, and find what a test did, not the library.
function(sluice_sanitize_less target)
  if("undefined" IN_LIST SLUICE_SANITIZE)
    target_compile_options(${target} PUBLIC -fno-sanitize=null,alignment,vptr,object-size)
  endif()
endfunction()
