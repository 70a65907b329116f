// The table `written`: which rows were written lately, for whoever keeps conclusions from them (FORMAT.md, "Written").

#include <cstring>

#include "common/base/rel_path.h"
#include "common/store/base_store.h"
#include "common/store/sqlite_db.h"

namespace twsync {

namespace {

constexpr uint64_t kEach = 64;      // of one transaction; who writes more writes "anything"
constexpr int64_t kKept = 4096;     // lines
constexpr int64_t kTrimEach = 512;  // lines

uint64_t random_id() {
  uint64_t id = 0;
  random_bytes(&id, sizeof id);
  return id;
}

}  // namespace

// REQUIRES: a transaction. Line and row apart would let a reader find the one without the other.
Status BaseStore::note_written(std::string_view key) {
  if (written_ > kEach) return {};
  if (written_ == kEach) {
    SYNC_TRY(note_all_written());
    ++written_;
    return {};
  }
  if (!insert_written_) {
    SYNC_ASSIGN(Statement insert, db_->prepare("INSERT INTO written (id, key) VALUES (?1, ?2)"));
    insert_written_ = std::make_unique<Statement>(std::move(insert));
  }
  insert_written_->bind_u64(1, random_id());
  insert_written_->bind_blob(2, key);
  SYNC_TRY(insert_written_->run());
  ++written_;
  const int64_t number = db_->last_insert_rowid();
  if (number % kTrimEach != 0) return {};
  SYNC_ASSIGN(Statement trim, db_->prepare("DELETE FROM written WHERE number <= ?1"));
  trim.bind(1, number - kKept);
  return trim.run();
}

Status BaseStore::in_transaction(const std::function<Status()>& write) {
  if (db_->in_transaction()) return write();
  written_ = 0;
  SYNC_TRY(db_->exec("BEGIN IMMEDIATE"));
  Status status = write();
  if (status.ok()) status = commit();
  if (!status.ok()) rollback();
  return status;
}

Status BaseStore::note_all_written() {
  SYNC_ASSIGN(Statement insert, db_->prepare("INSERT INTO written (id, key) VALUES (?1, NULL)"));
  insert.bind_u64(1, random_id());
  return insert.run();
}

Result<RowsMark> BaseStore::rows_mark() {
  SYNC_ASSIGN(const int64_t made,
              db_->query_int("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'written'"));
  if (made == 0) return RowsMark{};
  SYNC_ASSIGN(Statement last, db_->prepare("SELECT number, id FROM written ORDER BY number DESC LIMIT 1"));
  SYNC_ASSIGN(const bool any, last.step());
  if (!any) return RowsMark{};
  return RowsMark{static_cast<uint64_t>(last.column_int(0)), last.column_u64(1)};
}

Result<std::optional<std::vector<std::string>>> BaseStore::written_since(const RowsMark& mark) {
  const std::optional<std::vector<std::string>> unknown;
  SYNC_ASSIGN(const RowsMark now, rows_mark());
  if (now.number == 0 || mark.number == 0) return unknown;
  SYNC_ASSIGN(Statement select, db_->prepare("SELECT id, key FROM written WHERE number >= ?1 ORDER BY number"));
  select.bind_u64(1, mark.number);
  SYNC_ASSIGN(bool more, select.step());
  if (!more || select.column_u64(0) != mark.id) return unknown;
  std::vector<std::string> paths;
  for (;;) {
    SYNC_ASSIGN(more, select.step());
    if (!more) return std::optional(std::move(paths));
    if (select.column_is_null(1)) return unknown;
    paths.push_back(path_from_key(select.column_bytes(1)));
  }
}

Status BaseStore::begin_reading() {
  rollback();
  return db_->exec("BEGIN");
}

}  // namespace twsync
