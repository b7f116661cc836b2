// SPDX-License-Identifier: MIT
// What sanitizers do not look at in these tests: OpenSSL at the end of the program. cnats's threads can't be joined,
// and an attempt to connect can't be ended from outside, so that TLS of theirs may still be there when OpenSSL cleans
// up.

#ifdef __SANITIZE_ADDRESS__
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libcrypto.so\nleak:libssl.so\n"; }
#endif

#ifdef __SANITIZE_THREAD__
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() { return "race:libcrypto.so\nrace:libssl.so\n"; }
#endif
