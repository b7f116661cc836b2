# SPDX-License-Identifier: MIT
# Warnings are ours, not our users': they are private to the targets of this tree.
function(sluice_warnings target)
  target_compile_options(${target} PRIVATE
    -Wall -Wextra -Wpedantic -Wnon-virtual-dtor $<$<CXX_COMPILER_ID:GNU>:-Wshadow=local>
    $<$<BOOL:${SLUICE_WERROR}>:-Werror>)
endfunction()
