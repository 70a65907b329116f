#pragma once
// How a scanner gets at the two sides of a pair; given by the process that hosts it (service, embedded, test).

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/app/pair_config.h"
#include "common/fs/side_root.h"

namespace twsync {

struct SideOptions {
  std::string pair_id;  ///< empty before the pair is known
  HashKey hash_key{};
  bool preserve_owner = false;
  bool preserve_xattrs = false;
  /// Called from any thread with hints of the deploy side's watch; empty = no watch wanted.
  std::function<void(std::vector<Hint>)> on_hints;
  /// The same of how that watch is, whenever it changes.
  std::function<void(std::string)> on_watch_state;
};

using OpenSide = std::function<Result<std::unique_ptr<SideReader>>(const PairConfig&, const SideOptions&)>;

struct ScanSides {
  OpenSide code;
  OpenSide deploy;
};

}  // namespace twsync
