# SPDX-License-Identifier: MIT
# Writes the file `from` as one C++ string literal into the file `to`.
file(READ "${from}" text)
file(WRITE "${to}" "R\"~embedded~(${text})~embedded~\"\n")
