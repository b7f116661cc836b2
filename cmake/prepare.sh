# SPDX-License-Identifier: MIT
# What tests/run, examples/run and .ci/run share: installing packages and building. Sourced by bash, in the root of the
# source tree.

say() { printf '%s\n' "$*" >&2; }

# The packages for these purposes that are not here yet, one a line.
missing_packages() {
  local purposes package command wanted
  while read -r purposes package command; do
    case $purposes in '' | '#'*) continue ;; esac
    for wanted in "$@"; do
      [[ ,$purposes, == *,$wanted,* ]] || continue
      [[ -n $command ]] && command -v "$command" >/dev/null && break
      [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || echo "$package"
      break
    done
  done <cmake/packages
}

# install_packages PURPOSE...: names what is missing and installs it; without root it says what to type and ends.
install_packages() {
  local packages
  if ! command -v dpkg-query >/dev/null; then
    say "This is no Debian: the packages in cmake/packages are yours to provide."
    return
  fi
  mapfile -t packages < <(missing_packages "$@")
  ((${#packages[@]})) || return 0
  say "Missing packages: ${packages[*]}"
  if ((EUID != 0)); then
    say "Install them with:"
    say "  sudo apt-get install --no-install-recommends ${packages[*]}"
    exit 1
  fi
  export DEBIAN_FRONTEND=noninteractive
  quietly apt-get update
  quietly apt-get install -y --no-install-recommends "${packages[@]}"
}

# Runs a command; its output is shown only if it fails, and then the script ends.
quietly() {
  local output status=0
  output=$("$@" 2>&1 </dev/null) || status=$?
  ((status == 0)) && return
  say "$output"
  say "Failed ($status): $*"
  exit "$status"
}

# configure PRESET [OPTION...]: a configured build folder build/PRESET. SLUICE_WERROR=ON makes warnings errors;
# SLUICE_CONFIGURE has more options for CMake.
configure() {
  if command -v ccache >/dev/null; then
    export CMAKE_CXX_COMPILER_LAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER-ccache}
    # Precompiled headers are cached only with these.
    export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
  fi
  local more
  read -ra more <<<"${SLUICE_CONFIGURE-}"
  quietly cmake --preset "$@" "${more[@]}" -DSLUICE_WERROR="${SLUICE_WERROR:-OFF}"
}

# run_tests PRESET [OPTION OF CTEST...]: what was skipped, and why, is said at the end.
run_tests() {
  local folder=build/$1 status=0
  ctest --test-dir "$folder" --no-tests=error --output-on-failure -j "$(nproc)" "${@:2}" || status=$?
  grep -hE "^skipped: |\.\.\. skipped '" "$folder/Testing/Temporary/LastTest.log" || true
  return "$status"
}
