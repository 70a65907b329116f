#pragma once
// The plan: operations that make both sides agree, conflicts, parked items and base rows to record. Values only.

#include <cstdint>
#include <string>
#include <vector>

#include "common/model/entry.h"

namespace twsync {

/// Never renumber: sent.
enum class OpKind : uint8_t {
  make_directory = 1,  ///< `path` becomes a directory (expected: nothing, or a file/symlink that is displaced)
  rename = 2,    ///< `from` -> `path`, content and children move along (expected stands at `from`, nothing at `path`)
  put_file = 3,  ///< `path` becomes a file with the other side's content (expected: nothing, file, symlink, or an empty
                 ///< directory)
  put_symlink = 4,       ///< `path` becomes a symlink (expected as for put_file)
  set_metadata = 5,      ///< mode, mtime, owner, xattrs of what stands at `path`; content stays
  remove = 6,            ///< the file or symlink at `path` goes to the version store
  remove_directory = 7,  ///< the empty directory at `path` goes; not empty = kept and reported
  link = 8,  ///< `path` becomes one more name of the file at `from` on the same side (expected as for put_file)
};
const char* to_string(OpKind kind);

/// Order of execution. Operations of a stage start when the stage before has its results (DESIGN.md section 6, phases).
/// `structure` and `directory_metadata` are applied strictly in the plan's order; the others may run in parallel.
enum class OpStage : uint8_t {
  structure = 0,           ///< make_directory and rename, each after what it needs
  early_removal = 1,       ///< children of a directory that becomes a file or symlink, bottom up
  content = 2,             ///< put_file, put_symlink, set_metadata of files and symlinks
  removal = 3,             ///< remove
  directory_removal = 4,   ///< remove_directory, bottom up, in order
  directory_metadata = 5,  ///< set_metadata of directories, bottom up, in order
};
constexpr int kOpStages = 6;

/// Why a version was displaced; decides how long it is kept. Never renumber: stored.
enum class LoserCause : uint8_t {
  ordinary = 0,           ///< a propagated edit or deletion displaced it
  conflict = 1,           ///< lost a conflict (precious)
  edit_deleted = 2,       ///< an edit that lost against a deletion (precious)
  suspect = 3,            ///< damage after an unclean stop (precious)
  approved_deletion = 4,  ///< a parked deletion that a person approved (precious)
  foreign = 5,            ///< came out of a swap unexpectedly, or was found in stage/: somebody's data (precious)
  late_write = 6,         ///< a program that still had it open wrote to it after it was displaced (precious)
};
const char* to_string(LoserCause cause);

/// One change to one path on one side.
struct Operation {
  uint32_t id = 0;  ///< index in Plan::operations
  OpKind kind = OpKind::put_file;
  OpStage stage = OpStage::content;
  Side side = Side::code;  ///< where it is applied; content comes from the other side
  LoserCause cause = LoserCause::ordinary;
  uint32_t group = 0;  ///< 0 = alone; operations of one group are applied all together or not at all; they stand next
                       ///< to each other in the plan
  std::string path;
  std::string from;  ///< rename, link
  Entry expected;    ///< what must stand there now on `side` (I7); kind none = nothing
  /// What stands there afterwards. put_file: `desired.stamp` is the *source's* stamp as scanned. link: that of `from`
  /// on the same side; without an inode, `from` is put by an earlier operation of the same group.
  Entry desired;
};

enum class ConflictWinner : uint8_t { none = 0, code = 1, deploy = 2 };  ///< none = parked (policy manual)

struct Conflict {
  std::string path;
  std::string rule;  ///< row in RULES.md, "R12"
  Entry code;
  Entry deploy;
  ConflictWinner winner = ConflictWinner::none;
};

/// Never renumber: stored.
enum class ParkedReason : uint8_t {
  manual_conflict = 1,  ///< policy manual: `twsync resolve`
  mass_deletion = 2,    ///< guard I6: `twsync approve|reject`
  root_identity = 3,    ///< section 7: `twsync approve`
  no_space = 4,
  denied = 5,
  failed = 6,  ///< an operation failed for another reason; retried
  kind_unsupported = 7,
  versions_full = 8,  ///< what must be kept fills the version store: nothing may be displaced
};
const char* to_string(ParkedReason reason);

struct ParkedItem {
  ParkedReason reason = ParkedReason::failed;
  Side side = Side::code;  ///< mass_deletion: the side that would lose the entry
  std::string path;
  std::string text;
  uint64_t version = 0;  ///< mass_deletion: what would go (core/guard.h)
};

/// A directory is made with these bits, so that it can be filled; `directory_metadata` sets its own mode at the end.
constexpr uint32_t kMadeDirectoryMode = 0700;

enum class AgreementKind : uint8_t {
  same,   ///< both sides hold the same already: the row is written
  gone,   ///< nothing stands there on either side, or the path became ignored: the row goes
  moved,  ///< both sides have left `from`: the rows at and below it become those of `path`
  anew,   ///< the row goes; what stands there is first contact, and no deletion of before counts any more
};

/// What the base records without an operation. All of a plan are recorded together, before its first operation.
struct Agreement {
  AgreementKind kind = AgreementKind::same;
  std::string path;
  std::string from;  ///< moved only
};

struct Plan {
  std::vector<Operation> operations;  ///< by stage, then in the order of path_key (structure: dependency order)
  std::vector<Conflict> conflicts;
  std::vector<ParkedItem> parked;
  std::vector<Agreement> agreements;
  bool empty() const { return operations.empty() && conflicts.empty() && parked.empty() && agreements.empty(); }
};

}  // namespace twsync
