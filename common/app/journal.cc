#include "common/app/journal.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "common/base/text.h"

namespace twsync {

namespace {

void add_length(std::string& out, uint64_t length) {
  for (int shift = 0; shift < 64; shift += 8) out += static_cast<char>((length >> shift) & 0xFFU);
}

}  // namespace

std::string journal_datagram(const LogFields& fields) {
  std::string out;
  for (const auto& [name, value] : fields) {
    if (value.empty()) continue;
    if (value.find('\n') == std::string::npos) {
      out += str(name, "=", value, "\n");
      continue;
    }
    out += name + "\n";
    add_length(out, value.size());
    out += value + "\n";
  }
  return out;
}

bool stderr_is_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat info {};
  if (stream == nullptr || ::fstat(STDERR_FILENO, &info) != 0) return false;
  return str(info.st_dev, ":", info.st_ino) == stream;
}

Result<Journal> Journal::open(const std::string& socket_path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_path.size() >= sizeof address.sun_path)
    return Error{ErrorCode::usage, "the journal's socket has too long a name", socket_path, 0};
  std::memcpy(address.sun_path, socket_path.data(), socket_path.size());
  Journal journal(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (::connect(journal.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return error_from_errno(errno, "cannot reach the journal", socket_path);
  return journal;
}

Journal::~Journal() {
  if (fd_ >= 0) ::close(fd_);
}

bool Journal::send(const std::string& datagram) const {
  const ssize_t sent = ::send(fd_, datagram.data(), datagram.size(), MSG_NOSIGNAL);
  return sent == static_cast<ssize_t>(datagram.size());
}

}  // namespace twsync
