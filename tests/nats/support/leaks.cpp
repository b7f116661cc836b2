// SPDX-License-Identifier: MIT
// What LeakSanitizer does not look at in these tests.

#ifdef __SANITIZE_ADDRESS__
// cnats's attempt to connect can't be ended from outside: where a test's program ends first, its TLS is still there.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libcrypto.so\nleak:libssl.so\n"; }
#endif
