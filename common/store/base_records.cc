// What a person must be told or asked: conflicts and parked items in base.db.

#include "common/store/base_store.h"
#include "common/store/sqlite_db.h"
#include "common/wire/codec.h"

namespace twsync {

template <>
struct WireFields<ParkedRecord> {
  template <class F>
  static void fields(ParkedRecord& v, F&& f) {
    f(v.id, v.reason, v.side, v.at_ns, v.paths, v.text, v.joined, v.next_joined, v.versions);
  }
};

Status BaseStore::add_conflict(const ConflictRecord& r) {
  SYNC_ASSIGN(auto insert, db_->prepare("INSERT OR REPLACE INTO conflicts VALUES (?1,?2,?3,?4,?5,?6,?7,?8)"));
  insert.bind_text(1, r.id).bind_blob(2, r.path).bind(3, r.at_ns).bind_text(4, r.rule);
  insert.bind(5, static_cast<int64_t>(r.winner))
      .bind_text(6, r.loser_version)
      .bind(7, r.open ? 1 : 0)
      .bind_text(8, r.text);
  return insert.run();
}

Status BaseStore::begin_conflict(const ConflictRecord& r) {
  SYNC_ASSIGN(auto update, db_->prepare("UPDATE conflicts SET winner = ?2 WHERE id = ?1 AND open = 1"));
  update.bind_text(1, r.id).bind(2, static_cast<int64_t>(r.winner));
  SYNC_TRY(update.run());
  SYNC_ASSIGN(auto insert, db_->prepare("INSERT OR IGNORE INTO conflicts VALUES (?1,?2,?3,?4,?5,'',2,?6)"));
  insert.bind_text(1, r.id).bind_blob(2, r.path).bind(3, r.at_ns).bind_text(4, r.rule);
  insert.bind(5, static_cast<int64_t>(r.winner)).bind_text(6, r.text);
  return insert.run();
}

Status BaseStore::withdraw_conflict(std::string_view id) {
  SYNC_ASSIGN(auto del, db_->prepare("DELETE FROM conflicts WHERE id = ?1 AND open = 2"));
  del.bind_text(1, id);
  SYNC_TRY(del.run());
  SYNC_ASSIGN(auto update, db_->prepare("UPDATE conflicts SET winner = 0 WHERE id = ?1 AND open = 1"));
  update.bind_text(1, id);
  return update.run();
}

Status BaseStore::close_conflict(std::string_view path) {
  SYNC_ASSIGN(auto update, db_->prepare("UPDATE conflicts SET open = 0 WHERE path = ?1 AND open = 1"));
  update.bind_blob(1, path);
  return update.run();
}

namespace {

ConflictRecord read_conflict(const Statement& s) {
  ConflictRecord r;
  r.id = s.column_bytes(0);
  r.path = s.column_bytes(1);
  r.at_ns = s.column_int(2);
  r.rule = s.column_bytes(3);
  r.winner = static_cast<ConflictWinner>(s.column_int(4));
  r.loser_version = s.column_bytes(5);
  r.open = s.column_int(6) == 1;
  r.text = s.column_bytes(7);
  return r;
}

Result<std::vector<ConflictRecord>> read_conflicts(Statement& select) {
  std::vector<ConflictRecord> out;
  for (;;) {
    SYNC_ASSIGN(const bool more, select.step());
    if (!more) return out;
    out.push_back(read_conflict(select));
  }
}

}  // namespace

Result<std::vector<ConflictRecord>> BaseStore::conflicts(size_t limit) {
  SYNC_ASSIGN(auto select, db_->prepare("SELECT * FROM conflicts ORDER BY open = 1 DESC, at_ns DESC LIMIT ?1"));
  select.bind(1, static_cast<int64_t>(limit));
  return read_conflicts(select);
}

Result<std::vector<ConflictRecord>> BaseStore::conflicts_under_way() {
  SYNC_ASSIGN(auto select, db_->prepare("SELECT * FROM conflicts WHERE open = 2 OR (open = 1 AND winner <> 0)"));
  return read_conflicts(select);
}

Result<std::optional<ConflictRecord>> BaseStore::open_conflict(std::string_view path) {
  SYNC_ASSIGN(auto select, db_->prepare("SELECT * FROM conflicts WHERE path = ?1 AND open = 1 LIMIT 1"));
  select.bind_blob(1, path);
  SYNC_ASSIGN(auto found, read_conflicts(select));
  if (found.empty()) return std::optional<ConflictRecord>{};
  return std::optional<ConflictRecord>(std::move(found.front()));
}

Result<std::vector<std::string>> BaseStore::open_conflicts() {
  SYNC_ASSIGN(auto select, db_->prepare("SELECT path FROM conflicts WHERE open = 1"));
  std::vector<std::string> out;
  for (;;) {
    SYNC_ASSIGN(const bool more, select.step());
    if (!more) return out;
    out.emplace_back(select.column_bytes(0));
  }
}

Result<std::optional<ConflictRecord>> BaseStore::conflict(std::string_view id) {
  SYNC_ASSIGN(auto select, db_->prepare("SELECT * FROM conflicts WHERE id = ?1"));
  select.bind_text(1, id);
  SYNC_ASSIGN(const bool found, select.step());
  if (!found) return std::optional<ConflictRecord>{};
  return std::optional<ConflictRecord>(read_conflict(select));
}

Status BaseStore::put_parked(const ParkedRecord& record) {
  SYNC_ASSIGN(auto insert, db_->prepare("INSERT OR REPLACE INTO parked VALUES (?1, ?2)"));
  insert.bind_text(1, record.id);
  insert.bind_blob(2, encode(record));
  return insert.run();
}

Status BaseStore::drop_parked(std::string_view id) {
  SYNC_ASSIGN(auto del, db_->prepare("DELETE FROM parked WHERE id = ?1"));
  del.bind_text(1, id);
  return del.run();
}

Result<std::vector<ParkedRecord>> BaseStore::parked() {
  SYNC_ASSIGN(auto select, db_->prepare("SELECT value FROM parked ORDER BY id"));
  std::vector<ParkedRecord> out;
  for (;;) {
    SYNC_ASSIGN(const bool more, select.step());
    if (!more) return out;
    auto record = decode<ParkedRecord>(select.column_bytes(0));
    if (record) out.push_back(std::move(record).value());
  }
}

}  // namespace twsync
