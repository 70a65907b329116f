#include "producers/cli/sync_log.h"

#include <chrono>
#include <ctime>
#include <filesystem>

#include "common/app/log.h"
#include "producers/cli/printer.h"

namespace twsync {

namespace {

constexpr std::chrono::hours kKeep{24 * 30};

void remove_old(const std::string& directory) {
  std::error_code error;
  const auto oldest = std::filesystem::file_time_type::clock::now() - kKeep;
  for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (!name.starts_with("sync_") && !name.starts_with("cron_sync_")) continue;
    std::error_code ignored;
    if (it->is_regular_file(ignored) && it->last_write_time(ignored) < oldest && !ignored)
      std::filesystem::remove(it->path(), ignored);
  }
}

}  // namespace

void open_sync_log(const Config& config, bool from_cron) {
  if (config.prefix.empty() && !from_cron) return;
  const std::string directory = config.log_dir + "/sync";
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::localtime_r(&now, &parts);
  char day[16];
  std::strftime(day, sizeof day, "%Y%m%d", &parts);
  LogOptions options;
  options.name = "sync";
  options.file = str(directory, "/", from_cron ? "cron_sync_" : "sync_", day, ".log");
  options.level = config.log_level;
  if (open_log(options)) remove_old(directory);
}

void log_event(const Event& event) {
  const std::string where = str(escape_bytes(event.path), event.text.empty() ? "" : ": ", escape_bytes(event.text),
                                event.item.empty() ? "" : str(" [", event.item, "]"));
  switch (event.kind) {
    case EventKind::conflict:
      log_warn("conflict: ", where);
      break;
    case EventKind::parked:
      log_warn("parked: ", where);
      break;
    case EventKind::skipped:
      log_warn("skipped: ", where);
      break;
    case EventKind::note:
      log_info(escape_bytes(event.text));
      break;
    case EventKind::operation:
      if (!event.operation) break;
      if (event.code != ErrorCode::ok) {
        log_error("failed: ", operation_text(*event.operation), ": ", to_string(event.code), " ",
                  escape_bytes(event.text));
      } else {
        log_debug(operation_text(*event.operation));
      }
      break;
    default:
      break;
  }
}

void log_summary(const std::string& pair, const Summary& summary) {
  std::string text = summary_text(summary);
  for (size_t at = text.find('\n'); at != std::string::npos; at = text.find('\n'))
    text.replace(at, 1, at + 1 < text.size() ? "; " : "");
  const LogLevel level = summary_exit_code(summary) == 0 ? LogLevel::info : LogLevel::warn;
  write_log(level, str("sync of ", pair, ": ", text));
}

}  // namespace twsync
