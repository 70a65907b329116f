#pragma once
// Connections for workers that have no network. A worker asks over an AF_UNIX socket; systemd starts one dialer for
// each request, which connects and hands the socket back. What crosses: one packet (SOCK_SEQPACKET) each way,
//   request  PAIR \n HOST \n PORT
//   answer   '+' with the connected socket (SCM_RIGHTS), or '-' and why not, for people

#include <cstdint>
#include <functional>
#include <string>

#include "common/base/result.h"
#include "common/fs/unique_fd.h"

namespace twsync {

struct DialRequest {
  std::string pair;
  std::string host;  ///< what the worker takes for that pair's address
  uint16_t port = 0;
};

/// $TWSYNC_DIAL: the dialer's socket, in a unit that has no network of its own. "" = connect directly.
std::string dial_socket_of_unit();

/// A connected TCP socket (O_NONBLOCK, close-on-exec). Waits as long as the dialer takes. unreachable: nobody answers
/// at `socket_path`, or the dialer's own words.
Result<UniqueFd> dial_through(const std::string& socket_path, const DialRequest& request);

struct DialAddress {
  std::string host;
  uint16_t port = 0;
};
/// The configured address of a pair, or why there is none.
using DialLookup = std::function<Result<DialAddress>(const std::string& pair)>;

/// Serves the one request that comes over `fd`. It connects to nothing but what `lookup` says: a worker that is no
/// longer itself reaches no other address. An error = nobody could be answered; a refusal that was delivered is none.
Status serve_dial(int fd, const DialLookup& lookup, int64_t timeout_ms);

}  // namespace twsync
