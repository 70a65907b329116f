#pragma once
// Removals that wait for content (DESIGN.md section 6: deletions only when content that may come from them is durable).
//
// Nobody knows what a program made a new file of: `cp a b; rm a; echo >>b` is a new file and a deletion. So a removal
// waits while content that did not arrive on its side may have been made of it:
// - the same digest, or the same inode on the side where the content is: always;
// - the same name, or a size within an eighth: only if it was planned together with that content when this failed
// first.
//   What a person deletes later, perhaps to make room for it, goes, and a file that never arrives holds back nothing
//   more (I13). Whether it was so is told by what is parked.
// What waits is parked for the same reason, and goes with the pass after the one that brings the content. Until then
// a full disk stays full: only a person can tell what may be lost.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/model/plan.h"

namespace twsync {

/// Of one plan. One thread.
class HeldRemovals {
 public:
  /// Content that did not arrive.
  struct Missing {
    std::string path;
    ErrorCode code = ErrorCode::ok;
  };

  /// put_file, link; anything else is no content that a file could have been made of. `known`: it is parked already.
  void did_not_arrive(const Operation& op, ErrorCode code, bool known);
  bool any() const { return any_; }
  /// What `removal` waits for, if it must; then the directories above it stay too. `inode`: of the removed file on the
  /// other side, as the base knows it. `waits`: it is parked already.
  const Missing* holds(const Operation& removal, uint64_t inode, bool waits);
  /// The removal of a directory above one that waits.
  bool holds_directory(const Operation& removal) const;

 private:
  struct Like {
    std::map<std::string, Missing, std::less<>> names;
    std::map<uint64_t, Missing> sizes;
    const Missing* find(const Operation& removal) const;
  };
  struct Lost {
    std::map<Digest, Missing> digests;
    std::map<uint64_t, Missing> inodes;
    Like fresh;
    Like all;
    std::set<std::string, std::less<>> directories;  ///< above what waits
  };

  Lost lost_[2];  ///< by the side where it was to arrive
  bool any_ = false;
};

}  // namespace twsync
