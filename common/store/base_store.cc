#include "common/store/base_store.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "common/base/rel_path.h"
#include "common/base/text.h"
#include "common/store/base_schema.h"
#include "common/store/sqlite_db.h"
#include "common/wire/model_codec.h"

namespace twsync {

namespace {

constexpr const char* kIndexes = R"(
CREATE INDEX IF NOT EXISTS base_by_code_inode ON base (code_inode) WHERE code_inode IS NOT NULL;
CREATE INDEX IF NOT EXISTS base_by_deploy_inode ON base (deploy_inode) WHERE deploy_inode IS NOT NULL;
)";

}  // namespace

template <>
struct WireFields<RootPlace> {
  template <class F>
  static void fields(RootPlace& v, F&& f) {
    f(v.device, v.file_system_id, v.mount);
  }
};

template <>
struct WireFields<Recovery> {
  template <class F>
  static void fields(Recovery& v, F&& f) {
    f(v.doubt, v.audit, v.audited, v.audited_rows, v.found);
  }
};

template <>
struct WireFields<BaseMeta> {
  template <class F>
  static void fields(BaseMeta& v, F&& f) {
    f(v.pair_id, v.epoch, v.completed, v.hash_key, v.code_boot_id, v.deploy_boot_id, v.code_root_inode,
      v.deploy_root_inode, v.clean_close, v.last_done_ns, v.code_root, v.deploy_root, v.round, v.settled_round,
      v.code_place, v.deploy_place, v.code_recovery, v.deploy_recovery);
  }
};

struct BaseStore::Statements {
  Statement meta_get, meta_set, find, put, drop, remember_dropped, linked[2];
};

BaseStore::BaseStore(std::unique_ptr<SqliteDb> db) : db_(std::move(db)), statements_(std::make_unique<Statements>()) {}
BaseStore::~BaseStore() {
  rollback();
}

Result<std::unique_ptr<BaseStore>> BaseStore::open(const std::string& path, Mode mode) {
  const bool read_only = mode == Mode::read_only;
  SYNC_ASSIGN(auto db, SqliteDb::open(path, {read_only, Synchronous::normal, 5000}));
  SYNC_TRY(prepare_base_schema(db, path, read_only));
  std::unique_ptr<BaseStore> store(new BaseStore(std::make_unique<SqliteDb>(std::move(db))));
  auto& s = *store->statements_;
  SYNC_ASSIGN(s.meta_get, store->db_->prepare("SELECT value FROM meta WHERE id = 1"));
  SYNC_ASSIGN(s.find, store->db_->prepare("SELECT row FROM base WHERE key = ?1"));
  if (!read_only) {
    SYNC_ASSIGN(s.meta_set, store->db_->prepare("INSERT OR REPLACE INTO meta VALUES (1, ?1)"));
    SYNC_ASSIGN(s.put, store->db_->prepare("INSERT OR REPLACE INTO base VALUES (?1, ?2, ?3, ?4)"));
    SYNC_ASSIGN(s.drop, store->db_->prepare("DELETE FROM base WHERE key = ?1"));
    SYNC_ASSIGN(s.remember_dropped, store->db_->prepare("INSERT OR REPLACE INTO dropped VALUES (?1, ?2, ?3)"));
  }
  return store;
}

Result<BaseMeta> BaseStore::meta() {
  auto& get = statements_->meta_get;
  SYNC_ASSIGN(const bool found, get.step());
  if (!found) return BaseMeta{};
  auto meta = decode<BaseMeta>(get.column_bytes(0));
  get.reset();
  if (!meta) return Error{ErrorCode::corrupt, "the base's facts are damaged", {}, 0};
  return meta;
}

Status BaseStore::set_meta(const BaseMeta& meta) {
  statements_->meta_set.bind_blob(1, encode(meta));
  return statements_->meta_set.run();
}

Result<std::optional<BaseRow>> BaseStore::find(std::string_view path) {
  auto& find = statements_->find;
  find.bind_blob(1, path_key(path));
  SYNC_ASSIGN(const bool found, find.step());
  if (!found) return std::optional<BaseRow>{};
  BaseRow row;
  row.path = path;
  const Status decoded = decode_row(find.column_bytes(0), row);
  find.reset();
  SYNC_TRY(decoded);
  return std::optional<BaseRow>(std::move(row));
}

Result<uint64_t> BaseStore::count() {
  SYNC_ASSIGN(const int64_t n, db_->query_int("SELECT count(*) FROM base"));
  return static_cast<uint64_t>(n);
}

bool BaseStore::empty() {
  auto any = db_->query_int("SELECT EXISTS (SELECT 1 FROM base)");
  return any.ok() && *any == 0;
}

namespace {

class StatementCursor final : public BaseStore::Cursor {
 public:
  explicit StatementCursor(Statement statement) : statement_(std::move(statement)) {}
  Result<bool> next(BaseRow& row) override {
    SYNC_ASSIGN(const bool more, statement_.step());
    if (!more) return false;
    row.path = path_from_key(statement_.column_bytes(0));
    SYNC_TRY(decode_row(statement_.column_bytes(1), row));
    return true;
  }
  void skip_past(std::string_view path) override {
    statement_.reset();
    // Nothing lies between a key and that key with a NUL behind it.
    statement_.bind_blob(1, path_key(path) + '\0');
  }
  void go_to(std::string_view path) override {
    statement_.reset();
    statement_.bind_blob(1, path_key(path));
  }

 private:
  Statement statement_;
};

}  // namespace

Result<std::unique_ptr<BaseStore::Cursor>> BaseStore::rows(const Scope& scope) {
  // The root has the empty key; below it is everything. Elsewhere the subtree's keys lie in ["p", "p\1").
  const std::string key = path_key(scope.path);
  if (!scope.recursive) {
    SYNC_ASSIGN(auto one, db_->prepare("SELECT key, row FROM base WHERE key = ?1"));
    one.bind_blob(1, key);
    return std::unique_ptr<Cursor>(std::make_unique<StatementCursor>(std::move(one)));
  }
  if (scope.path.empty()) {
    SYNC_ASSIGN(auto all, db_->prepare("SELECT key, row FROM base WHERE key >= ?1 ORDER BY key"));
    all.bind_blob(1, {});
    return std::unique_ptr<Cursor>(std::make_unique<StatementCursor>(std::move(all)));
  }
  SYNC_ASSIGN(auto range, db_->prepare("SELECT key, row FROM base WHERE key >= ?1 AND key < ?2 ORDER BY key"));
  range.bind_blob(1, key);
  range.bind_blob(2, key + '\1');
  return std::unique_ptr<Cursor>(std::make_unique<StatementCursor>(std::move(range)));
}

Result<std::vector<BaseRow>> BaseStore::rows_after(std::string_view path, size_t limit) {
  SYNC_ASSIGN(auto select, db_->prepare("SELECT key, row FROM base WHERE key > ?1 ORDER BY key LIMIT ?2"));
  select.bind_blob(1, path_key(path)).bind(2, static_cast<int64_t>(limit));
  StatementCursor cursor(std::move(select));
  std::vector<BaseRow> rows;
  for (;;) {
    BaseRow row;
    SYNC_ASSIGN(const bool more, cursor.next(row));
    if (!more) return rows;
    rows.push_back(std::move(row));
  }
}

Status BaseStore::begin(bool durable) {
  // A failed write may have left its transaction open; whoever begins again has given that one up.
  rollback();
  written_ = 0;
  // In WAL mode a FULL commit flushes the log, and with it every NORMAL commit before it.
  SYNC_TRY(db_->set_synchronous(durable ? Synchronous::full : Synchronous::normal));
  return db_->exec("BEGIN IMMEDIATE");
}

Status BaseStore::commit() {
  return db_->exec("COMMIT");
}

void BaseStore::rollback() {
  if (db_ && db_->in_transaction()) (void)db_->exec("ROLLBACK").ok();
}

Status BaseStore::put(const BaseRow& row) {
  return in_transaction([&]() -> Status {
    const std::string key = path_key(row.path);
    SYNC_TRY(note_written(key));
    statements_->put.bind_blob(1, key);
    statements_->put.bind_blob(2, encode_row(row));
    for (const Side s : {Side::code, Side::deploy}) {
      const int column = 3 + static_cast<int>(s);
      if (row.agreed.is_file()) {
        statements_->put.bind_u64(column, row.side(s).stamp.inode);
      } else {
        statements_->put.bind_null(column);
      }
    }
    return statements_->put.run();
  });
}

Status BaseStore::drop(std::string_view path) {
  return in_transaction([&]() -> Status {
    const std::string key = path_key(path);
    SYNC_TRY(note_written(key));
    statements_->drop.bind_blob(1, key);
    return statements_->drop.run();
  });
}

Result<std::vector<std::string>> BaseStore::paths_of_inode(Side side, uint64_t inode) {
  Statement& select = statements_->linked[static_cast<size_t>(side)];
  if (!select.prepared()) {
    // Most trees have no hard links and never pay for the indexes.
    SYNC_TRY(db_->exec(kIndexes));
    SYNC_ASSIGN(select, db_->prepare(str("SELECT key FROM base WHERE ", to_string(side), "_inode = ?1 ORDER BY key")));
  }
  select.bind_u64(1, inode);
  std::vector<std::string> paths;
  for (;;) {
    SYNC_ASSIGN(const bool more, select.step());
    if (!more) return paths;
    paths.push_back(path_from_key(select.column_bytes(0)));
  }
}

Status BaseStore::clear_rows() {
  return in_transaction([&]() -> Status {
    SYNC_TRY(note_all_written());
    SYNC_TRY(db_->exec("DELETE FROM dropped"));
    return db_->exec("DELETE FROM base");
  });
}

Status BaseStore::remember_dropped(const BaseRow& row) {
  Statement& insert = statements_->remember_dropped;
  insert.bind_blob(1, path_key(row.path)).bind(2, row.round).bind_blob(3, encode_row(row));
  return insert.run();
}

Result<std::optional<BaseRow>> BaseStore::find_dropped(std::string_view path) {
  SYNC_ASSIGN(auto select, db_->prepare("SELECT row FROM dropped WHERE key = ?1"));
  select.bind_blob(1, path_key(path));
  SYNC_ASSIGN(const bool found, select.step());
  if (!found) return std::optional<BaseRow>{};
  BaseRow row;
  row.path = path;
  SYNC_TRY(decode_row(select.column_bytes(0), row));
  return std::optional<BaseRow>(std::move(row));
}

Status BaseStore::forget_dropped(uint32_t up_to_round) {
  SYNC_ASSIGN(auto drop, db_->prepare("DELETE FROM dropped WHERE round <= ?1"));
  drop.bind(1, up_to_round);
  return drop.run();
}

Status move_base_aside(const std::string& path) {
  for (int n = 1; n < 1000; ++n) {
    const std::string aside = str(path, ".damaged-", n);
    if (std::FILE* taken = std::fopen(aside.c_str(), "rbe")) {
      std::fclose(taken);
      continue;
    }
    if (std::rename(path.c_str(), aside.c_str()) != 0)
      return error_from_errno(errno, "cannot move the damaged base aside", path);
    // The log and index belong to the damaged file; a new database must not replay them.
    for (const char* suffix : {"-wal", "-shm"}) std::rename((path + suffix).c_str(), (aside + suffix).c_str());
    return {};
  }
  return Error{ErrorCode::corrupt, "the base is damaged, and so were a thousand before: look at the disk", path, 0};
}

Result<std::unique_ptr<BaseStore>> open_or_replace(const std::string& path, bool& moved_aside) {
  moved_aside = false;
  auto store = BaseStore::open(path, BaseStore::Mode::read_write);
  if (store || store.error().code != ErrorCode::corrupt) return store;
  SYNC_TRY(move_base_aside(path));
  moved_aside = true;
  return BaseStore::open(path, BaseStore::Mode::read_write);
}

}  // namespace twsync
