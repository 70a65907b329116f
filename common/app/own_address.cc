#include "common/app/own_address.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <memory>

namespace twsync {

namespace {

bool is_loopback(const sockaddr* address) {
  if (address->sa_family == AF_INET)
    return ntohl(reinterpret_cast<const sockaddr_in*>(address)->sin_addr.s_addr) >> 24U == 127;
  return address->sa_family == AF_INET6 &&
         IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr);
}

bool same_address(const sockaddr* a, const sockaddr* b) {
  if (a->sa_family != b->sa_family) return false;
  if (a->sa_family == AF_INET) {
    return reinterpret_cast<const sockaddr_in*>(a)->sin_addr.s_addr ==
           reinterpret_cast<const sockaddr_in*>(b)->sin_addr.s_addr;
  }
  return a->sa_family == AF_INET6 && IN6_ARE_ADDR_EQUAL(&reinterpret_cast<const sockaddr_in6*>(a)->sin6_addr,
                                                        &reinterpret_cast<const sockaddr_in6*>(b)->sin6_addr);
}

}  // namespace

bool is_own_address(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* raw = nullptr;
  if (::getaddrinfo(host.c_str(), nullptr, &hints, &raw) != 0) return false;
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> found(raw, ::freeaddrinfo);
  ifaddrs* raw_own = nullptr;
  if (::getifaddrs(&raw_own) != 0) return false;
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> own(raw_own, ::freeifaddrs);
  for (const addrinfo* one = found.get(); one != nullptr; one = one->ai_next) {
    if (is_loopback(one->ai_addr)) continue;
    for (const ifaddrs* interface = own.get(); interface != nullptr; interface = interface->ifa_next) {
      if (interface->ifa_addr != nullptr && same_address(one->ai_addr, interface->ifa_addr)) return true;
    }
  }
  return false;
}

}  // namespace twsync
