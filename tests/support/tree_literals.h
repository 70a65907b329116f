#pragma once
// Small trees as text and a world in memory that plans, pretends to apply, and records: for tests of the planner.
//
// A tree literal is a list of words: "d/" a directory, "d/f=text" a file, "g^d/f" another name of that file,
// "l->target" a symlink, "s!" a socket;
// ":640" sets the mode, "@70" the mtime in seconds.

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/rel_path.h"
#include "common/core/planner.h"
#include "common/core/suspicion.h"

namespace twsync::testing {

struct ModelNode {
  Kind kind = Kind::file;
  std::string content;  // a file's bytes or a symlink's target
  uint32_t mode = 0644;
  int64_t mtime_ns = 0;
  int64_t ctime_ns = 0;
  uint64_t inode = 0;
};

using ModelTree = std::map<std::string, ModelNode, PathLess>;

constexpr int64_t kModelNow = 1'000'000'000'000;  // both hosts' clocks, far after every mtime

Digest digest_of(const std::string& content);

/// "path=content:mode@mtime" lines of a tree, "^first name" behind a file with several names; without what differs
/// between sides on purpose (inodes, directory mtimes).
std::string to_text(const ModelTree& tree);

class World {
 public:
  /// Both sides hold `agreed`, and so does the base.
  explicit World(const std::string& agreed, ConflictPolicy conflicts = ConflictPolicy::newer);

  // What users do. Paths must exist where that is needed; parents too.
  void write(Side side, const std::string& path, const std::string& content);    ///< in place, or new
  void replace(Side side, const std::string& path, const std::string& content);  ///< by a new inode
  void make_directory(Side side, const std::string& path);
  void symlink(Side side, const std::string& path, const std::string& target);
  void link(Side side, const std::string& from, const std::string& path);  ///< `path` becomes another name of `from`
  void socket(Side side, const std::string& path);
  void erase(Side side, const std::string& path);  ///< and everything below
  void rename(Side side, const std::string& from, const std::string& to);
  void chmod(Side side, const std::string& path, uint32_t mode);
  void touch(Side side, const std::string& path, int64_t mtime_ns);
  void forget_base() { base.clear(); }
  /// The side's file system makes no links from now on.
  void refuse_links(Side side) { refuses_links_[static_cast<size_t>(side)] = true; }

  // What an unclean stop does.
  void rot(Side side, const std::string& path, const std::string& content);  ///< another content, nothing else moves
  /// The state from before: an own inode, and times before everything that was ever recorded.
  void revert(Side side, const std::string& path, const std::string& content);
  void revert_mode(Side side, const std::string& path, uint32_t mode);
  /// What stands at and below `path` is again what stood there at the last confirmed flush.
  void undo(Side side, const std::string& path);
  /// Half written: somebody wrote, so the times are later; `mtime_ns` 0 = later than the recorded one.
  void tear(Side side, const std::string& path, const std::string& content, int64_t mtime_ns = 0);
  void confirm_flush();            ///< all that is recorded is on both disks
  void stop_uncleanly(Side side);  ///< and what is edited from here on is edited afterwards
  void look_first(Side side);      ///< after stop_uncleanly(): the first look after that stop

  std::vector<PathState> scan();  ///< with every digest that digest_needs() asks for
  Plan plan() { return make_plan(scan(), policy); }
  std::string plan_text();  ///< one line per operation, conflict, parked item; agreements not
  std::string agreements_text();

  /// Applies and records as the resolver does; returns what could not be applied, one line each. Stops as if killed
  /// after `limit` operations; agreements are recorded before the first one.
  std::string carry_out(const Plan& plan, size_t limit = SIZE_MAX);
  /// Plans and applies `cycles` times; returns problems: failed operations, a plan that doesn't end, different sides.
  std::string converge(int cycles = 2);

  ModelTree& tree(Side side) { return trees_[static_cast<size_t>(side)]; }
  std::string text(Side side) { return to_text(tree(side)); }
  /// Every file content that stands somewhere or was displaced by an operation.
  std::set<std::string> contents() const;

  Policy policy;
  std::map<std::string, BaseRow, PathLess> base;
  std::map<std::string, BaseRow, PathLess> dropped;  ///< rows that are gone, of rounds since the last confirmed flush
  uint32_t round = 1;
  uint32_t settled = 0;
  std::vector<std::pair<std::string, LoserCause>> displaced;

 private:
  ModelNode& put(Side side, const std::string& path, ModelNode node);
  Entry entry(Side side, const std::string& path);  ///< digest known only where it was asked for
  std::string apply(const Operation& op);
  std::string apply_put(const Operation& op);
  std::string apply_link(const Operation& op);
  std::string check_expected(const Operation& op, const std::string& path);
  void displace(const Operation& op);
  void change_inode(Side side, uint64_t inode,
                    const std::function<void(ModelNode&)>& change);  ///< every name of it, with a new ctime
  void record(const Operation& op);
  void record_link(const Operation& op);
  void refresh_names(Side side, uint64_t inode);
  void record_rename(const Operation& op);
  void agree(const Agreement& agreement);
  void drop_row(const std::string& path);
  void agree_on_move(const Agreement& agreement);
  void forget_row(const std::string& path);
  void settle(const std::string& path, const AppliedEntry* applied);
  Entry known(Side side, const std::string& path);
  bool has_children(Side side, const std::string& path);
  std::string parent_problem(Side side, const std::string& path);

  ModelTree trees_[2];
  ModelTree flushed_[2];
  std::map<std::string, Entry, PathLess> pending_[2];
  std::set<std::pair<uint64_t, int64_t>> read_;  // inode, ctime of files whose content was read
  uint64_t next_inode_ = 100;
  int64_t tick_ = 0;
  bool refuses_links_[2] = {false, false};
  bool applying_ = false;
  std::map<uint64_t, int64_t> own_ctime_;  // of inodes that the plan under way has touched
};

/// Edits as text, each ended by ';': "code write d/f text; deploy rename d e; code chmod f 600; deploy touch f 70",
/// also replace, mkdir, symlink, link FROM PATH, socket, erase, refuse-links, rot, revert, revert_mode, undo, tear,
/// stop; "forget" drops the base, "flush" confirms a flush, "sync" plans and carries out until nothing is left.
void edit(World& world, const std::string& script);

std::string describe(const Operation& op);
std::string describe(const Agreement& agreement);
std::string describe(const Plan& plan);

}  // namespace twsync::testing
