#pragma once
// A live view that takes the whole terminal and gives it back as it was.

#include <termios.h>

#include <atomic>
#include <string>
#include <string_view>

#include "producers/cli/printer.h"

namespace twsync {

/// One thread. While it lives the terminal shows its own screen, hides the cursor and doesn't echo; the destructor
/// restores all of it. Ctrl-C and Ctrl-\ reach it as keys, so that no signal can leave the terminal behind; SIGTERM
/// comes by `stop`.
class FullScreen {
 public:
  explicit FullScreen(TextSink out);
  ~FullScreen();
  FullScreen(const FullScreen&) = delete;
  FullScreen& operator=(const FullScreen&) = delete;

  /// Draws `text` over what was there, cut to the terminal's present size.
  void show(const std::string& text);
  /// Waits until `timeout_ms` have passed. False: a person wants to leave (q, Ctrl-C, Ctrl-D), the terminal is gone, or
  /// `stop`.
  bool stay(int timeout_ms, const std::atomic<bool>& stop);

 private:
  TextSink out_;
  termios before_{};  // before has_keys_: its initialiser fills it
  bool has_keys_;
};

/// `line` cut to `columns` visible characters; colour codes take no room and end with the line.
std::string fit_line(std::string_view line, size_t columns);
/// What draws `text` over a screen of that size without flicker: one write, no clearing before it.
std::string screenful(std::string_view text, size_t rows, size_t columns);

}  // namespace twsync
