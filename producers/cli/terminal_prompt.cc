#include "producers/cli/terminal_prompt.h"

#include <fcntl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <iterator>

#include "common/app/signals.h"
#include "common/base/text.h"

namespace twsync {

namespace {

int open_terminal() {
  return ::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
}

void say(int fd, const std::string& text) {
  [[maybe_unused]] const ssize_t ignored = ::write(fd, text.data(), text.size());
}

// False: a signal came. It may do so before anything waits, or to another thread, and interrupts no read() then.
bool wait_for_answer(int fd) {
  pollfd waits[] = {{fd, POLLIN, 0}, {Signals::any_wake_fd(), POLLIN, 0}};
  while (::poll(waits, std::size(waits), -1) < 0) {
    if (errno != EINTR) return false;
  }
  return waits[1].revents == 0;
}

std::optional<std::string> read_line(int fd) {
  std::string out;
  for (char c = 0;;) {
    if (!wait_for_answer(fd) || ::read(fd, &c, 1) <= 0) return std::nullopt;
    if (c == '\n') return out;
    out += c;
  }
}

}  // namespace

bool can_prompt() {
  const int fd = open_terminal();
  if (fd >= 0) ::close(fd);
  return fd >= 0;
}

std::optional<std::string> prompt_secret(const std::string& question) {
  const int fd = open_terminal();
  if (fd < 0) return std::nullopt;
  termios before{};
  const bool is_terminal = ::tcgetattr(fd, &before) == 0;
  termios silent = before;
  silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  // Before the question: this forgets what was typed, which an answer to it must not be.
  if (is_terminal) ::tcsetattr(fd, TCSAFLUSH, &silent);
  say(fd, escape_bytes(question) + " ");
  auto answer = read_line(fd);
  if (is_terminal) ::tcsetattr(fd, TCSAFLUSH, &before);
  say(fd, "\n");
  ::close(fd);
  return answer;
}

std::optional<std::string> prompt_line(const std::string& question) {
  const int fd = open_terminal();
  if (fd < 0) return std::nullopt;
  say(fd, question);
  auto answer = read_line(fd);
  ::close(fd);
  return answer;
}

bool prompt_yes(const std::string& question) {
  const int fd = open_terminal();
  if (fd < 0) return false;
  say(fd, question + " (yes/no) ");
  const auto answer = read_line(fd);
  ::close(fd);
  return answer == "yes";
}

}  // namespace twsync
