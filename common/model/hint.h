#pragma once
// A hint: "look at this path (or below it)". Never an operation.

#include <cstdint>
#include <string>

#include "common/model/entry.h"

namespace twsync {

/// Who published it; the order is the priority (lower first). Never renumber: journaled and sent.
enum class HintSource : uint8_t { manual = 0, git_hook = 1, inotify = 2, cron = 3 };
const char* to_string(HintSource source);

struct Hint {
  HintSource source = HintSource::inotify;
  std::string pair;  ///< the pair's name
  Side side = Side::code;
  std::string path;        ///< relative; "" = the root
  bool recursive = false;  ///< look at everything below as well
  std::string moved_from;  ///< a moved pair: `moved_from` -> `path`; empty = not a move. Coalescing keeps them together
  bool is_move = false;
};

/// Where to look: one path, or all at and below it.
struct Scope {
  std::string path;
  bool recursive = false;
};

}  // namespace twsync
