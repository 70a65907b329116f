#pragma once
// Whether this process may use fanotify, for tests that are skipped otherwise.

#include <fcntl.h>

#include <string>

#include "producers/inotify/fanotify_fd.h"

namespace twsync {

constexpr const char* kNoFanotify = "skipped: this process may not use fanotify (CAP_SYS_ADMIN, CAP_DAC_READ_SEARCH)";

inline bool fanotify_allowed(const std::string& directory) {
  const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return fd && FanotifyFd::open(fd.get()).ok();
}

}  // namespace twsync
