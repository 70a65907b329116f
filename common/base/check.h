#pragma once
// SYNC_CHECK: our own bug, never input. Prints and aborts; what the peer or the disk says is answered with an Error.

#include <cstdio>
#include <cstdlib>

#define SYNC_CHECK(condition, text)                                                            \
  do {                                                                                         \
    if (!(condition)) {                                                                        \
      std::fprintf(stderr, "twsync: internal error at %s:%d: %s\n", __FILE__, __LINE__, text); \
      std::abort();                                                                            \
    }                                                                                          \
  } while (false)
