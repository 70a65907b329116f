#pragma once
// What the code server's forced command answers the deploy server's `twsync` (PROTOCOL_WAY_BACK.md), as frames.

#include <cstdint>
#include <string>

#include "common/base/result.h"

namespace twsync {

/// The first word of a request whose answer is wanted as frames; a later protocol has another word.
constexpr const char* kWayBackProtocol = "twsync-1";
/// Of one request, words and all, as it stands in SSH_ORIGINAL_COMMAND.
constexpr size_t kMaxForcedCommand = 64U << 10U;

/// Text for the asker's stdout or stderr.
struct AnswerText {
  bool to_stderr = false;
  std::string text;
  template <class F>
  void fields(F&& f) {
    f(to_stderr, text);
  }
};

/// The last frame.
struct AnswerEnd {
  int32_t exit_code = 0;
  Error error;  ///< code not ok: the command failed as a whole
  template <class F>
  void fields(F&& f) {
    f(exit_code, error);
  }
};

}  // namespace twsync
