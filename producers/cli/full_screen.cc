#include "producers/cli/full_screen.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

#include "common/base/text.h"
#include "common/ssh/text_file.h"

namespace twsync {

namespace {

constexpr const char* kEnter = "\x1b[?1049h\x1b[?25l";  // own screen, no cursor
constexpr const char* kLeave = "\x1b[?25h\x1b[?1049l";
constexpr char kCtrlC = 3, kCtrlD = 4, kCtrlBackslash = 28;

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

bool leaves(char key) {
  return key == 'q' || key == 'Q' || key == kCtrlC || key == kCtrlD || key == kCtrlBackslash;
}

}  // namespace

std::string fit_line(std::string_view line, size_t columns) {
  std::string out;
  size_t shown = 0;
  bool coloured = false;
  for (size_t i = 0; i < line.size();) {
    if (line[i] == '\x1b') {
      const size_t end = line.find('m', i);
      if (end == std::string_view::npos) break;
      out += line.substr(i, end + 1 - i);
      coloured = line.substr(i, end + 1 - i) != "\x1b[0m";
      i = end + 1;
      continue;
    }
    if (shown == columns) break;
    ++shown;
    do out += line[i++];
    while (i < line.size() && is_continuation(line[i]));
  }
  if (coloured) out += "\x1b[0m";
  return out;
}

std::string screenful(std::string_view text, size_t rows, size_t columns) {
  std::string out = "\x1b[H";
  size_t row = 0;
  for (const std::string& line : split_lines(text)) {
    if (row == rows) break;
    if (row++ > 0) out += '\n';
    out += fit_line(line, columns) + "\x1b[K";
  }
  return out + "\x1b[J";
}

FullScreen::FullScreen(TextSink out) : out_(std::move(out)), has_keys_(::tcgetattr(STDIN_FILENO, &before_) == 0) {
  if (has_keys_) {
    termios keys = before_;
    keys.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON | ISIG);
    keys.c_cc[VMIN] = 1;
    keys.c_cc[VTIME] = 0;
    ::tcsetattr(STDIN_FILENO, TCSADRAIN, &keys);
  }
  out_(kEnter);
}

FullScreen::~FullScreen() {
  out_(kLeave);
  if (has_keys_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
}

void FullScreen::show(const std::string& text) {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) size = {};
  out_(screenful(text, size.ws_row > 0 ? size.ws_row : 24, size.ws_col > 0 ? size.ws_col : 80));
}

bool FullScreen::stay(int timeout_ms, const std::atomic<bool>& stop) {
  pollfd keys{has_keys_ ? STDIN_FILENO : -1, POLLIN, 0};
  const int ready = ::poll(&keys, 1, timeout_ms);
  if (stop) return false;
  if (ready <= 0) return true;
  char typed[64];
  const ssize_t got = ::read(STDIN_FILENO, typed, sizeof typed);
  if (got < 0) return errno == EINTR;
  for (ssize_t i = 0; i < got; ++i) {
    if (leaves(typed[i])) return false;
  }
  return got > 0;
}

}  // namespace twsync
