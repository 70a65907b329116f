#pragma once
// The last few KiB of what a program said on stderr, for the message when it ends.

#include <string>
#include <string_view>

#include "common/base/text.h"

namespace twsync {

class TailText {
 public:
  void add(std::string_view bytes) {
    text_ += bytes;
    if (text_.size() > 2 * kKeep) text_.erase(0, text_.size() - kKeep);
  }
  bool empty() const { return text_.empty(); }
  const std::string& text() const { return text_; }
  /// `; it said: "…"`, escaped to one line, or "" when it said nothing.
  std::string quoted() const {
    std::string_view shown = text_;
    if (shown.size() > kKeep) shown.remove_prefix(shown.size() - kKeep);
    while (!shown.empty() && (shown.back() == '\n' || shown.back() == '\r')) shown.remove_suffix(1);
    return shown.empty() ? std::string() : str("; it said: \"", escape_bytes(shown), "\"");
  }

 private:
  static constexpr size_t kKeep = 8U << 10U;
  std::string text_;
};

}  // namespace twsync
