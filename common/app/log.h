#pragma once
// The process's log: a rotated file, and stderr (with journal priorities under systemd). The only user of spdlog is
// log.cc.

#include <cstddef>
#include <string>
#include <string_view>

#include "common/app/journal.h"
#include "common/app/settings.h"
#include "common/base/result.h"
#include "common/base/text.h"

namespace twsync {

struct LogOptions {
  std::string name;  ///< of the process, in each line: "broker"
  std::string file;  ///< empty = no file; its directory is made
  bool to_stderr =
      false;  ///< where stderr is the journal (JOURNAL_STREAM): to journald itself, or with "<6>" priorities
  std::string journal_socket = "/run/systemd/journal/socket";
  LogLevel level = LogLevel::info;
  size_t max_bytes = 10U << 20U;  ///< the file is rotated beyond it
  size_t keep = 5;                ///< rotated files that stay
};

/// Opens the process's log; until then, and after a failure, nothing is written. Call it once, before other threads.
/// Errors: the file cannot be opened (a log on stderr still works then).
Status open_log(const LogOptions& options);

/// Writes one line. Control bytes are escaped, so that no name can forge a line; escape paths with escape_bytes() to
/// keep them unambiguous. Any thread; never fails.
/// `fields`: for the journal alone.
void write_log(LogLevel level, std::string_view text, const LogFields& fields = {});

template <class... Pieces>
void log_debug(const Pieces&... pieces) {
  write_log(LogLevel::debug, str(pieces...));
}
template <class... Pieces>
void log_info(const Pieces&... pieces) {
  write_log(LogLevel::info, str(pieces...));
}
template <class... Pieces>
void log_warn(const Pieces&... pieces) {
  write_log(LogLevel::warn, str(pieces...));
}
template <class... Pieces>
void log_error(const Pieces&... pieces) {
  write_log(LogLevel::error, str(pieces...));
}

/// Flushes and closes; later lines go nowhere.
void close_log();

}  // namespace twsync
