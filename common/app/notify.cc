#include "common/app/notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "common/base/text.h"

namespace twsync {

namespace {

bool send_notification(std::string_view text) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || (path[0] != '/' && path[0] != '@')) return false;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const size_t length = std::strlen(path);
  if (length >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, path, length);
  if (path[0] == '@') address.sun_path[0] = '\0';
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
  const ssize_t sent =
      ::sendto(fd, text.data(), text.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address), size);
  ::close(fd);
  return sent == static_cast<ssize_t>(text.size());
}

}  // namespace

bool notify_ready(std::string_view status) {
  return send_notification(str("READY=1\nSTATUS=", escape_bytes(status)));
}
bool notify_status(std::string_view status) {
  return send_notification(str("STATUS=", escape_bytes(status)));
}
bool notify_watchdog() {
  return send_notification("WATCHDOG=1");
}
bool notify_reloading() {
  return send_notification("RELOADING=1");
}
bool notify_stopping() {
  return send_notification("STOPPING=1");
}

int WorkerPulse::turn(size_t loop, bool known, int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  known_[loop] = known_[loop] || known;
  turned_[loop] = true;
  const auto all = [](const std::vector<bool>& flags) {
    return std::find(flags.begin(), flags.end(), false) == flags.end();
  };
  if (!ready_ && all(known_)) {
    ready_ = true;
    notify_ready();
  }
  if (interval_ms_ == 0) return -1;
  if (now_ns >= next_ns_ && all(turned_)) {
    next_ns_ = now_ns + interval_ms_ * 1'000'000;
    turned_.assign(turned_.size(), false);
    notify_watchdog();
  }
  return static_cast<int>(interval_ms_);
}

int64_t watchdog_interval_ms() {
  const char* text = std::getenv("WATCHDOG_USEC");
  const char* owner = std::getenv("WATCHDOG_PID");
  if (text == nullptr) return 0;
  if (owner != nullptr && std::strtol(owner, nullptr, 10) != static_cast<long>(::getpid())) return 0;
  return std::strtoll(text, nullptr, 10) / 2000;
}

}  // namespace twsync
