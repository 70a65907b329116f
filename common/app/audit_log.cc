#include "common/app/audit_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "common/app/log.h"
#include "common/base/json_object.h"

namespace twsync {

namespace {

constexpr std::chrono::hours kKeep{24 * 30};
constexpr const char* kPrefix = "audit_";

const char* kind_text(Kind kind) {
  switch (kind) {
    case Kind::file:
      return "file";
    case Kind::directory:
      return "directory";
    case Kind::symlink:
      return "symlink";
    default:
      return "nothing";
  }
}

std::string entry_json(const Entry& entry) {
  JsonObject out;
  out.text("kind", kind_text(entry.kind));
  if (!entry.exists()) return std::move(out).str_value();
  if (entry.is_file()) out.number("size", entry.size);
  if (entry.is_file() && entry.digest.known()) out.text("digest", to_string(entry.digest));
  if (entry.kind == Kind::symlink) out.path("target", entry.target);
  char mode[8];
  std::snprintf(mode, sizeof mode, "%04o", entry.mode);
  if (entry.kind != Kind::symlink) out.text("mode", mode);
  out.time("mtime", entry.mtime_ns);
  if (!entry.owner.str().empty()) out.text("owner", entry.owner.str()).text("group", entry.group.str());
  return std::move(out).str_value();
}

void remove_old(const std::string& directory) {
  std::error_code error;
  const auto oldest = std::filesystem::file_time_type::clock::now() - kKeep;
  for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    if (!it->path().filename().string().starts_with(kPrefix) || !it->is_regular_file(ignored)) continue;
    if (it->last_write_time(ignored) < oldest && !ignored) std::filesystem::remove(it->path(), ignored);
  }
}

}  // namespace

std::string format_audit_line(const AuditEntry& entry, const Operation& operation, const OpResult& result) {
  const bool renamed = operation.kind == OpKind::rename;
  const bool removed = operation.kind == OpKind::remove || operation.kind == OpKind::remove_directory;
  JsonObject out;
  out.time("at", entry.at_ns).text("pair", entry.pair).number("cycle", entry.cycle);
  out.text("asked_by", entry.asked_by).text("why", entry.why);
  out.text("operation", to_string(operation.kind)).text("side", to_string(operation.side));
  out.path("path", operation.path);
  if (renamed) out.path("moved_from", operation.from);
  out.raw("from", entry_json(operation.expected));
  out.raw("to", entry_json(removed ? Entry{} : result.target.exists() ? result.target : operation.desired));
  if (!result.version.empty()) out.text("version", result.version);
  return std::move(out).str_value();
}

AuditLog::~AuditLog() {
  if (fd_ >= 0) ::close(fd_);
}

bool AuditLog::open_for(int64_t at_ns) {
  std::string day = utc_text(at_ns).substr(0, 10);
  std::erase(day, '-');
  if (fd_ >= 0 && day == day_) return true;
  if (fd_ >= 0) ::close(fd_);
  torn_ = false;
  day_ = day;
  std::error_code ignored;
  std::filesystem::create_directories(directory_, ignored);
  remove_old(directory_);
  const std::string path = str(directory_, "/", kPrefix, day, ".log");
  fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0640);
  if (fd_ < 0 && !std::exchange(told_, true))
    log_warn("operations are not written to the audit log: ", describe(error_from_errno(errno, "cannot open", path)));
  return fd_ >= 0;
}

void AuditLog::write(int64_t at_ns, std::string_view lines) {
  if (directory_.empty()) return;
  const std::lock_guard lock(mutex_);
  if (!open_for(at_ns)) return;
  if (torn_ && ::write(fd_, "\n", 1) != 1) return;
  const ssize_t written = ::write(fd_, lines.data(), lines.size());
  torn_ = written > 0 && written < static_cast<ssize_t>(lines.size());
  if (written == static_cast<ssize_t>(lines.size())) return;
  if (!std::exchange(told_, true))
    log_warn("the audit log is not complete: ", describe(error_from_errno(errno, "cannot write", directory_)));
}

}  // namespace twsync
