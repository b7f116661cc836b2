# SPDX-License-Identifier: MIT
# Read by ctest: each test case of a Catch2 program becomes a test. (Catch2's own script loses names with a semicolon,
# and counts a name that fits no test case as passed.) Given: program, label, catch2_version.
if(NOT EXISTS "${program}")
  add_test("${label}:NOT_BUILT" "${program}")
  return()
endif()

set(tests "${program}_tests.cmake")
if("${program}" IS_NEWER_THAN "${tests}" OR "${CMAKE_CURRENT_LIST_FILE}" IS_NEWER_THAN "${tests}")
  if(catch2_version VERSION_LESS 3)
    set(list --list-test-names-only)  # their number is the exit status
    set(fail_without_tests "-w NoTests")
  else()
    set(list --list-tests --verbosity quiet)
    set(fail_without_tests)
  endif()
  execute_process(COMMAND "${program}" ${list} OUTPUT_VARIABLE left RESULT_VARIABLE status ERROR_VARIABLE errors)
  if(NOT status MATCHES "^[0-9]+$" OR NOT left MATCHES "\n")
    message(FATAL_ERROR "${program} does not list its tests: ${status}\n${left}${errors}")
  endif()
  set(script)
  while(left MATCHES "^([^\n]*)\n(.*)$")
    set(name "${CMAKE_MATCH_1}")
    set(left "${CMAKE_MATCH_2}")
    string(REGEX REPLACE "([][\\,])" "\\\\\\1" pattern "${name}")
    if(NOT name STREQUAL "")
      string(APPEND script
        "add_test([==[${label}:${name}]==] [==[${program}]==] [==[${pattern}]==] ${fail_without_tests})\n"
        "set_tests_properties([==[${label}:${name}]==] PROPERTIES LABELS ${label} TIMEOUT 300)\n")
    endif()
  endwhile()
  file(WRITE "${tests}" "${script}")
endif()
include("${tests}")
