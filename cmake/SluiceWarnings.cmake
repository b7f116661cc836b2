# SPDX-License-Identifier: MIT
# Warnings are ours, not our users': they are private to the targets of this tree.
function(sluice_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wnon-virtual-dtor -Wshadow=local)
endfunction()
