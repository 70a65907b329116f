#pragma once
// Result<T>: a value or an Error, for failures that are expected (I/O, bad input, a lying peer).
// Exceptions never cross a module; adapters of throwing libraries catch and return Error.

#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace twsync {

/// What a caller may react to. Never renumber: the values travel on the wire (common/wire/PROTOCOL.md).
enum class ErrorCode : unsigned char {
  ok = 0,
  not_found = 1,       ///< the path or thing does not exist
  stale = 2,           ///< it is not what the plan expected (I7): scan again
  exists = 3,          ///< something stands there already
  denied = 4,          ///< rights; needs a person
  no_space = 5,        ///< disk, quota or inodes full; retry later
  timeout = 6,         ///< no answer in time
  unreachable = 7,     ///< the other server, the broker or the agent cannot be reached or refused us
  peer_violation = 8,  ///< the peer broke the protocol: close, never crash
  corrupt = 9,         ///< stored data fails its check
  cancelled = 10,      ///< shutting down, or an older controller epoch
  io = 11,             ///< any other failed system call (sys_errno)
  usage = 12,          ///< bad argument or configuration: exit 2
  unsupported = 13,    ///< this file system or peer cannot do it
  busy = 14,           ///< another controller holds the lock, or credit is exhausted
  guard = 15,          ///< a guard stopped it and nothing was applied: exit 5
  bug = 16,            ///< our own invariant failed
};

/// Text for people: what happened, to which path; `path` is raw bytes (escape when printing).
/// A fresh one says `ok`: that is what a message's or a result's `error` field holds when there is none.
struct Error {
  ErrorCode code = ErrorCode::ok;
  std::string message;
  std::string path;
  int sys_errno = 0;
};

/// An Error from errno: maps ENOENT, EEXIST, EACCES/EPERM/EROFS, ENOSPC/EDQUOT, ETIMEDOUT, ELOOP/EXDEV and others.
/// Message = `what` + ": " + strerror(err).
Error error_from_errno(int err, std::string what, std::string path = {});

/// The code's stable short name ("not_found", …), for logs and JSON.
const char* to_string(ErrorCode code);

/// "message (path)" with the path escaped: one line, for a log or a terminal.
std::string describe(const Error& error);

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit by design
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT
  explicit operator bool() const { return state_.index() == 0; }
  bool ok() const { return state_.index() == 0; }
  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return std::get<0>(state_); }
  const T& operator*() const& { return std::get<0>(state_); }
  T&& operator*() && { return std::get<0>(std::move(state_)); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }
  const Error& error() const& { return std::get<1>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit by design
  explicit operator bool() const { return !error_.has_value(); }
  bool ok() const { return !error_.has_value(); }
  const Error& error() const& { return *error_; }
  Error&& error() && { return std::move(*error_); }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

}  // namespace twsync

/// Returns the error of a Status/Result expression from the enclosing function.
#define SYNC_TRY(expr)                                                    \
  do {                                                                    \
    auto&& sync_try_status = (expr);                                      \
    if (!sync_try_status.ok()) return std::move(sync_try_status).error(); \
  } while (false)

#define SYNC_CONCAT_INNER(a, b) a##b
#define SYNC_CONCAT(a, b) SYNC_CONCAT_INNER(a, b)
#define SYNC_ASSIGN_IMPL(tmp, lhs, expr)        \
  auto tmp = (expr);                            \
  if (!tmp.ok()) return std::move(tmp).error(); \
  lhs = std::move(tmp).value()
/// `SYNC_ASSIGN(auto fd, open_it())`: assigns the value or returns the error.
#define SYNC_ASSIGN(lhs, ...) SYNC_ASSIGN_IMPL(SYNC_CONCAT(sync_assign_, __LINE__), lhs, (__VA_ARGS__))
