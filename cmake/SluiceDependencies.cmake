# SPDX-License-Identifier: MIT
# What the rooms stand on. Each is found on the system, in the versions of Debian 12 and Debian 13.
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(simdjson REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(Asio REQUIRED)
find_package(LibJwt REQUIRED)
find_package(Hiredis REQUIRED)
find_package(MsgpackCxx REQUIRED)
