#include "common/ssh/fd_stream.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "common/base/text.h"
#include "common/ssh/fd_io.h"

namespace twsync {

int set_nonblocking(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags >= 0 && (flags & O_NONBLOCK) == 0) ::fcntl(fd, F_SETFL, flags | O_NONBLOCK);
  return flags;
}

Result<size_t> read_fd_some(int fd, char* out, size_t size, bool& at_end) {
  for (;;) {
    const ssize_t got = ::read(fd, out, size);
    if (got > 0) return static_cast<size_t>(got);
    if (got == 0) {
      at_end = true;
      return size_t{0};
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return size_t{0};
    return error_from_errno(errno, "read failed");
  }
}

Result<size_t> write_fd_some(int fd, const char* data, size_t size) {
  for (;;) {
    const ssize_t put = ::write(fd, data, size);
    if (put >= 0) return static_cast<size_t>(put);
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return size_t{0};
    return error_from_errno(errno, "write failed");
  }
}

namespace {

// A pipe holds 64 KiB: its writer, sshd, would wake for each such piece and gather the rest in its own memory.
constexpr int kPipeBytes = 1 << 20;

void widen_pipe(int fd) {
  if (const int now = ::fcntl(fd, F_GETPIPE_SZ); now >= 0 && now < kPipeBytes) ::fcntl(fd, F_SETPIPE_SZ, kPipeBytes);
}

class FdStream final : public ByteStream {
 public:
  FdStream(int read_fd, int write_fd, FdOwner owner, std::string name)
      : read_fd_(read_fd), write_fd_(write_fd), owner_(owner), name_(std::move(name)) {
    read_flags_ = set_nonblocking(read_fd_);
    write_flags_ = write_fd_ == read_fd_ ? read_flags_ : set_nonblocking(write_fd_);
    widen_pipe(read_fd_);
    widen_pipe(write_fd_);
  }
  ~FdStream() override {
    if (owner_ == FdOwner::stream) {
      ::close(read_fd_);
      if (write_fd_ != read_fd_) ::close(write_fd_);
      return;
    }
    // The open file may be shared with the process that started us (a terminal): leave it as it was.
    if (read_flags_ >= 0) ::fcntl(read_fd_, F_SETFL, read_flags_);
    if (write_flags_ >= 0) ::fcntl(write_fd_, F_SETFL, write_flags_);
  }

  int read_fd() const override { return read_fd_; }
  int write_fd() const override { return write_fd_; }
  std::string describe() const override { return name_; }

  Result<size_t> read_some(char* out, size_t size) override {
    bool at_end = false;
    auto got = read_fd_some(read_fd_, out, size, at_end);
    if (!got) return lost(got.error().message);
    if (at_end) return lost("the other end closed the connection");
    return got;
  }
  Result<size_t> write_some(const char* data, size_t size) override {
    auto put = write_fd_some(write_fd_, data, size);
    if (!put) return lost(put.error().message);
    return put;
  }

 private:
  Error lost(const std::string& why) const { return Error{ErrorCode::unreachable, str(name_, ": ", why), {}, 0}; }

  int read_fd_, write_fd_;
  int read_flags_ = -1, write_flags_ = -1;
  FdOwner owner_;
  std::string name_;
};

}  // namespace

std::unique_ptr<ByteStream> make_fd_stream(int read_fd, int write_fd, FdOwner owner, std::string name) {
  return std::make_unique<FdStream>(read_fd, write_fd, owner, std::move(name));
}

}  // namespace twsync
