#pragma once
// How many times longer a test waits for something to happen in a build with a sanitizer.

namespace twsync {

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr int kPatience = 10;
#else
constexpr int kPatience = 1;
#endif

}  // namespace twsync
