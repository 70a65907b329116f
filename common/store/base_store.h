#pragma once
// base.db: the last tree that both sides agreed on, and what a person must be told or asked (FORMAT.md).
// The resolver is the only writer; the scanner and the command line read.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/hasher.h"
#include "common/base/result.h"
#include "common/model/entry.h"
#include "common/model/hint.h"
#include "common/model/plan.h"
#include "common/model/policy.h"

namespace twsync {

/// Where a root lay when it was claimed last; what a side cannot say is 0 or empty.
struct RootPlace {
  uint64_t device = 0;         ///< means something only within one boot
  std::string file_system_id;  ///< outlives a boot
  std::string mount;           ///< as SideFacts::mount
};

/// What an unclean stop of a side left to do (I15). Survives a restart.
struct Recovery {
  Doubt doubt;
  bool audit = true;    ///< the rest is to be read again; else the first whole look is all
  std::string audited;  ///< the audit has read again what stands up to this path
  uint64_t audited_rows = 0;
  uint64_t found = 0;  ///< damages that the audit found
};

/// One record of facts about the pair.
struct BaseMeta {
  std::string pair_id;     ///< empty = never claimed
  uint64_t epoch = 0;      ///< DESIGN.md section 7
  uint64_t completed = 0;  ///< cycles that were recorded to their end
  HashKey hash_key{};
  std::string code_boot_id, deploy_boot_id;
  uint64_t code_root_inode = 0, deploy_root_inode = 0;
  bool clean_close = true;             ///< false while a controller works on the pair
  int64_t last_done_ns = 0;            ///< wall clock of the last cycle that ended in sync
  std::string code_root, deploy_root;  ///< for `status` and `forget`
  uint32_t round = 0;                  ///< rows that are recorded carry it (BaseRow::round)
  uint32_t settled_round = 0;  ///< what was recorded up to it has been on both disks for long, or was closed in order
  RootPlace code_place, deploy_place;
  Recovery code_recovery, deploy_recovery;

  const std::string& boot_id(Side s) const { return s == Side::code ? code_boot_id : deploy_boot_id; }
  uint64_t root_inode(Side s) const { return s == Side::code ? code_root_inode : deploy_root_inode; }
  const RootPlace& place(Side s) const { return s == Side::code ? code_place : deploy_place; }
  Recovery& recovery(Side s) { return s == Side::code ? code_recovery : deploy_recovery; }
  const Recovery& recovery(Side s) const { return s == Side::code ? code_recovery : deploy_recovery; }
};

/// A conflict that was decided, or waits for a person.
struct ConflictRecord {
  std::string id;
  std::string path;
  int64_t at_ns = 0;
  std::string rule;
  ConflictWinner winner = ConflictWinner::none;
  std::string loser_version;  ///< id in the version store of the side that lost; empty = nothing displaced
  bool open = false;          ///< parked until `resolve`; with a winner: that is being carried out
  std::string text;           ///< what stood on each side, for people
};

struct ParkedRecord {
  std::string id;
  ParkedReason reason = ParkedReason::failed;
  Side side = Side::code;
  int64_t at_ns = 0;
  std::vector<std::string> paths;  ///< sorted; of a mass deletion: the whole set
  std::string text;
  /// Of a mass deletion, for each of `paths`: the how-many-th to join the set, from 0. The id ends in how many there
  /// have been: an id that was shown names those that had joined by then, also after more did.
  std::vector<uint64_t> joined = {};
  uint64_t next_joined = 0;
  /// Of a mass deletion, for each of `paths`: what stood there when it joined (core/guard.h); empty = recorded by a
  /// release that didn't know.
  std::vector<uint64_t> versions = {};

  /// Does `shown` name this item, as it is or as it was?
  bool is_named(std::string_view shown) const;
  /// The paths that `shown` means. REQUIRES: is_named(shown).
  std::vector<std::string> paths_of(std::string_view shown) const;
  uint64_t version_of(const std::string& path) const;  ///< 0 = not known
};

/// What one side cannot keep as it is on the other. Never renumber: stored.
enum class Unkept : uint8_t { mode = 1, owner = 2, xattrs = 3, time = 4, special = 5 };
const char* to_string(Unkept what);

struct UnkeptRecord {
  std::string path;
  Side side = Side::code;  ///< that cannot keep it; special: where it stands
  Unkept what = Unkept::mode;
  int64_t at_ns = 0;
  std::string text;
};

/// One state of the rows of one base: never another's, not even a copy's that went on by itself.
struct RowsMark {
  uint64_t number = 0;  ///< 0 = none can be named
  uint64_t id = 0;
  bool operator==(const RowsMark&) const = default;
};

class SqliteDb;
class Statement;

constexpr uint64_t kLargeFile = 64U << 10U;  ///< bytes

/// Not thread-safe: one thread, one BaseStore. Several readers beside one writer are fine (WAL).
class BaseStore {
 public:
  enum class Mode { read_only, read_write };
  /// A file of an older schema is converted by the first writer. corrupt: the file fails its check (the caller moves it
  /// aside and starts with a union merge, I4).
  /// not_found: read_only and no file yet.
  static Result<std::unique_ptr<BaseStore>> open(const std::string& path, Mode mode);
  ~BaseStore();

  Result<BaseMeta> meta();
  Status set_meta(const BaseMeta& meta);

  Result<std::optional<BaseRow>> find(std::string_view path);
  Result<uint64_t> count();
  bool empty();

  /// Rows at `scope.path` and, if recursive, below, in compare_paths order. Invalid after any write by this store.
  class Cursor {
   public:
    virtual ~Cursor() = default;
    /// False at the end.
    virtual Result<bool> next(BaseRow& row) = 0;
    /// The next one is the first after `path`, wherever the cursor was. REQUIRES: of the whole tree's rows.
    virtual void skip_past(std::string_view path) = 0;
    /// The next one is that of `path`, or the first after it. REQUIRES: likewise.
    virtual void go_to(std::string_view path) = 0;
  };
  Result<std::unique_ptr<Cursor>> rows(const Scope& scope);
  /// The first rows after `path` in compare_paths order, at most `limit`; none = that was all.
  Result<std::vector<BaseRow>> rows_after(std::string_view path, size_t limit);

  /// Until the next begin() or the end, every read sees the rows of the first one.
  Status begin_reading();
  /// The rows as they are now.
  Result<RowsMark> rows_mark();
  /// The paths whose rows were put or dropped since; nullopt: that is not known, or too many.
  Result<std::optional<std::vector<std::string>>> written_since(const RowsMark& mark);

  /// Groups writes; what is not committed is rolled back. `durable`: it and every earlier commit is on disk when
  /// commit() returns (else a lost tail costs only a re-check).
  Status begin(bool durable);
  Status commit();
  void rollback();
  Status put(const BaseRow& row);
  Status drop(std::string_view path);
  Status clear_rows();

  /// The files that `side` holds under this inode number, in order. A writer only; the first call builds an index.
  Result<std::vector<std::string>> paths_of_inode(Side side, uint64_t inode);
  /// Files of exactly `size` bytes, at most `limit` of them; none when `size` is below kLargeFile. A writer only; the
  /// first call of a base builds an index.
  Result<std::vector<BaseRow>> large_files(uint64_t size, size_t limit);
  /// Keeps a row that was dropped because nothing stands there any more, until its round is settled.
  Status remember_dropped(const BaseRow& row);
  Result<std::optional<BaseRow>> find_dropped(std::string_view path);
  Status forget_dropped(uint32_t up_to_round);

  Status add_conflict(const ConflictRecord& record);
  /// `record` names the winner, and what carries that out is about to begin. Until add_conflict() or
  /// withdraw_conflict() it is under way; one that was open stays so.
  Status begin_conflict(const ConflictRecord& record);
  /// It was not carried out.
  Status withdraw_conflict(std::string_view id);
  Result<std::vector<ConflictRecord>> conflicts_under_way();
  /// Closes the open conflicts of a path (decided, or the difference went away).
  Status close_conflict(std::string_view path);
  Result<std::optional<ConflictRecord>> open_conflict(std::string_view path);
  /// The paths of the open ones.
  Result<std::vector<std::string>> open_conflicts();
  /// Open ones first, then the latest.
  Result<std::vector<ConflictRecord>> conflicts(size_t limit);
  Result<std::optional<ConflictRecord>> conflict(std::string_view id);

  /// Small facts that outlive a run, by name; an empty one was never written. Losing them costs a look or a wait, never
  /// data.
  Status remember(std::string_view name, std::string_view value);
  Result<std::string> remembered(std::string_view name);

  /// True when it is news: not known, or with another text.
  Result<bool> note_unkept(const UnkeptRecord& record);
  Status drop_unkept(std::string_view path, Side side, Unkept what);
  Result<std::vector<UnkeptRecord>> unkept(size_t limit);
  Result<std::map<Unkept, uint64_t>> unkept_counts();

  Status put_parked(const ParkedRecord& record);
  Status drop_parked(std::string_view id);
  Result<std::vector<ParkedRecord>> parked();

 private:
  explicit BaseStore(std::unique_ptr<SqliteDb> db);
  /// `write` as a part of the transaction that there is, else as one of its own.
  Status in_transaction(const std::function<Status()>& write);
  Status note_written(std::string_view key);
  Status note_all_written();
  struct Statements;
  std::unique_ptr<SqliteDb> db_;
  std::unique_ptr<Statements> statements_;
  std::unique_ptr<Statement> insert_written_;
  uint64_t written_ = 0;  ///< rows, in this transaction
  std::unique_ptr<Statement> large_files_;
};

/// The stored form of a row (FORMAT.md, "Row"), and back; reads that of every schema. corrupt when the bytes are not
/// such a row.
std::string encode_row(const BaseRow& row);
Status decode_row(std::string_view bytes, BaseRow& row);

/// Renames a damaged base, with its log, to `<path>.damaged-<n>`. REQUIRES: nobody of this process has it open.
Status move_base_aside(const std::string& path);

/// Opens for writing; a damaged file is renamed to `<path>.damaged-<n>` and a new, empty one takes its place.
/// `moved_aside` says so. Losing the base never loses data (I4).
Result<std::unique_ptr<BaseStore>> open_or_replace(const std::string& path, bool& moved_aside);

}  // namespace twsync
