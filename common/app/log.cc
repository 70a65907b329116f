#include "common/app/log.h"

#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
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

char journal_priority(spdlog::level::level_enum level) {
  if (level >= spdlog::level::err) return '3';
  if (level >= spdlog::level::warn) return '4';
  return level >= spdlog::level::info ? '6' : '7';
}

/// Of the line that this thread is writing: spdlog passes nothing but text.
thread_local const LogFields* t_fields = nullptr;

/// To journald; else stderr, with its priority prefix instead of a time, which the journal writes itself.
class JournalSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit JournalSink(const std::string& socket_path) {
    if (!stderr_is_journal()) return;
    auto journal = Journal::open(socket_path);
    if (journal) journal_.emplace(std::move(journal).value());
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    const std::string text(message.payload.data(), message.payload.size());
    const char priority = journal_priority(message.level);
    if (journal_ && send(text, priority)) return;
    const std::string line = str("<", priority, ">", text, "\n");
    std::fwrite(line.data(), 1, line.size(), stderr);
  }
  void flush_() override { std::fflush(stderr); }

 private:
  bool send(const std::string& text, char priority) const {
    LogFields fields = {{"MESSAGE", text},
                        {"PRIORITY", std::string(1, priority)},
                        {"SYSLOG_IDENTIFIER", program_invocation_short_name}};
    if (t_fields != nullptr) fields.insert(fields.end(), t_fields->begin(), t_fields->end());
    return journal_->send(journal_datagram(fields));
  }

  std::optional<Journal> journal_;
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
      sinks.push_back(std::make_shared<JournalSink>(options.journal_socket));
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

void write_log(LogLevel level, std::string_view text, const LogFields& fields) {
  std::shared_ptr<spdlog::logger> logger;
  {
    const std::lock_guard lock(g_mutex);
    logger = g_logger;
  }
  if (!logger || !logger->should_log(level_of(level))) return;
  const std::string line = without_control_bytes(text);
  t_fields = &fields;
  logger->log(level_of(level), spdlog::string_view_t(line.data(), line.size()));
  t_fields = nullptr;
}

void close_log() {
  const std::lock_guard lock(g_mutex);
  if (g_logger) g_logger->flush();
  g_logger.reset();
}

}  // namespace twsync
