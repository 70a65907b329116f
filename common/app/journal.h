#pragma once
// journald's native protocol, without libsystemd: one datagram a line, with fields that `journalctl FIELD=…` finds.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"

namespace twsync {

/// TWSYNC_PAIR, TWSYNC_EVENT, TWSYNC_PATH, TWSYNC_ID: values are raw bytes.
using LogFields = std::vector<std::pair<std::string, std::string>>;

/// Values with a newline go by their length, so that none can forge a field. Empty ones are left out.
std::string journal_datagram(const LogFields& fields);

/// True where this process's stderr is the journal.
bool stderr_is_journal();

class Journal {
 public:
  static Result<Journal> open(const std::string& socket_path);
  Journal(Journal&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Journal& operator=(Journal&&) = delete;
  ~Journal();
  /// False: journald did not take it.
  bool send(const std::string& datagram) const;

 private:
  explicit Journal(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace twsync
