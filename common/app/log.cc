#include "common/app/log.h"

#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <memory>
#include <mutex>
#include <vector>

namespace twsync {

namespace {

std::shared_ptr<spdlog::logger> g_logger;
std::mutex g_mutex;

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warn:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

const char* journal_priority(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "<7>";
    case LogLevel::info:
      return "<6>";
    case LogLevel::warn:
      return "<4>";
    case LogLevel::error:
      return "<3>";
  }
  return "<6>";
}

/// stderr for the journal: its priority prefix instead of a time, which the journal writes itself.
class JournalSink final : public spdlog::sinks::base_sink<std::mutex> {
 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    const LogLevel level = message.level >= spdlog::level::err    ? LogLevel::error
                           : message.level >= spdlog::level::warn ? LogLevel::warn
                           : message.level >= spdlog::level::info ? LogLevel::info
                                                                  : LogLevel::debug;
    const std::string line =
        str(journal_priority(level), std::string_view(message.payload.data(), message.payload.size()), "\n");
    std::fwrite(line.data(), 1, line.size(), stderr);
  }
  void flush_() override { std::fflush(stderr); }
};

std::string without_control_bytes(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7F) {
      out += c;
    } else {
      out += str("\\x", hex_encode(std::string_view(&c, 1)));
    }
  }
  return out;
}

}  // namespace

Status open_log(const LogOptions& options) {
  std::vector<spdlog::sink_ptr> sinks;
  Status status;
  if (options.to_stderr) {
    if (std::getenv("JOURNAL_STREAM") != nullptr) {
      sinks.push_back(std::make_shared<JournalSink>());
    } else {
      sinks.push_back(std::make_shared<spdlog::sinks::stderr_sink_mt>());
    }
  }
  if (!options.file.empty()) {
    try {
      sinks.push_back(
          std::make_shared<spdlog::sinks::rotating_file_sink_mt>(options.file, options.max_bytes, options.keep));
    } catch (const std::exception& failure) {
      status = Error{ErrorCode::io, str("cannot open the log: ", failure.what()), options.file, 0};
    }
  }
  auto logger = std::make_shared<spdlog::logger>(options.name, sinks.begin(), sinks.end());
  for (const auto& sink : sinks) {
    if (!std::dynamic_pointer_cast<JournalSink>(sink)) sink->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %n[%P]: %v");
  }
  logger->set_level(level_of(options.level));
  logger->flush_on(spdlog::level::info);
  logger->set_error_handler([](const std::string&) {});  // a full disk under the log must not stop the sync
  const std::lock_guard lock(g_mutex);
  g_logger = std::move(logger);
  return status;
}

void write_log(LogLevel level, std::string_view text) {
  std::shared_ptr<spdlog::logger> logger;
  {
    const std::lock_guard lock(g_mutex);
    logger = g_logger;
  }
  if (!logger || !logger->should_log(level_of(level))) return;
  const std::string line = without_control_bytes(text);
  logger->log(level_of(level), spdlog::string_view_t(line.data(), line.size()));
}

void close_log() {
  const std::lock_guard lock(g_mutex);
  if (g_logger) g_logger->flush();
  g_logger.reset();
}

}  // namespace twsync
