#pragma once
// The transport interface: a two-way byte stream to an agent. libssh, a child process and plain descriptors implement
// it.

#include <cstddef>
#include <string>

#include "common/base/result.h"

namespace twsync {

/// Non-blocking; owned and used by one thread (the pump's) after construction.
class ByteStream {
 public:
  virtual ~ByteStream() = default;
  /// Descriptors to poll for input and output; may be equal.
  virtual int read_fd() const = 0;
  virtual int write_fd() const = 0;
  /// Bytes read, 0 = nothing now; unreachable at end of stream (the message carries the remote's stderr, if any;
  /// not_found when the remote ended with exit code 127).
  virtual Result<size_t> read_some(char* out, size_t size) = 0;
  /// Bytes taken, 0 = not now.
  virtual Result<size_t> write_some(const char* data, size_t size) = 0;
  /// True when data may be waiting inside the library although read_fd is not readable (libssh buffers).
  virtual bool read_pending() { return false; }
  /// After write_some took nothing: true when input must come first (a channel window), so that polling write_fd would
  /// spin. write_some then processes that input itself, also while nobody calls read_some.
  virtual bool write_waits_for_input() { return false; }
  /// Hands on what write_some took but the library still holds (its own packets too). True when nothing is left;
  /// false: poll write_fd and call again.
  virtual bool flush_some() { return true; }
  /// Any thread: makes a call that blocks inside the library return. The stream is of no use afterwards.
  virtual void interrupt() noexcept {}
  /// "ssh root@host:22" for messages.
  virtual std::string describe() const = 0;
};

}  // namespace twsync
