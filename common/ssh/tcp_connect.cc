#include "common/ssh/tcp_connect.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>

#include "common/base/text.h"

namespace twsync {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

Error unreachable(std::string message, int err = 0) {
  return Error{ErrorCode::unreachable, std::move(message), {}, err};
}

Result<Addresses> addresses_of(const std::string& host, uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int failed = ::getaddrinfo(host.c_str(), str(port).c_str(), &hints, &list);
  const int err = errno;
  if (failed == 0) return Addresses(list);
  return unreachable(str("cannot find the address of ", escape_bytes(host), ": ",
                         failed == EAI_SYSTEM ? std::strerror(err) : ::gai_strerror(failed)));
}

/// 0, or why not as errno.
int finish(int fd, milliseconds limit) {
  const auto end = steady_clock::now() + limit;
  for (;;) {
    const auto left = std::chrono::duration_cast<milliseconds>(end - steady_clock::now()).count();
    pollfd waiting{fd, POLLOUT, 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(std::max<int64_t>(left, 0)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return errno;
    if (ready == 0) return ETIMEDOUT;
    int failed = 0;
    socklen_t size = sizeof failed;
    return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &size) == 0 ? failed : errno;
  }
}

int connect_one(const addrinfo& address, milliseconds limit, UniqueFd& out) {
  UniqueFd fd(::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return errno;
  int failed = ::connect(fd.get(), address.ai_addr, address.ai_addrlen) == 0 ? 0 : errno;
  if (failed == EINPROGRESS || failed == EINTR) failed = finish(fd.get(), limit);
  if (failed == 0) out = std::move(fd);
  return failed;
}

}  // namespace

Result<UniqueFd> connect_tcp(const std::string& host, uint16_t port, int64_t timeout_ms) {
  SYNC_ASSIGN(const Addresses addresses, addresses_of(host, port));
  int64_t left = 0;
  for (const addrinfo* address = addresses.get(); address != nullptr; address = address->ai_next) ++left;
  const auto end = steady_clock::now() + milliseconds(timeout_ms);
  int failed = EADDRNOTAVAIL;
  for (const addrinfo* address = addresses.get(); address != nullptr; address = address->ai_next, --left) {
    // An address that never answers leaves the others their part of the time.
    const auto part = std::chrono::duration_cast<milliseconds>(end - steady_clock::now()) / left;
    UniqueFd fd;
    failed = connect_one(*address, part, fd);
    if (failed == 0) return fd;
  }
  return unreachable(str("cannot connect: ", failed == ETIMEDOUT ? "no answer" : std::strerror(failed)), failed);
}

}  // namespace twsync
