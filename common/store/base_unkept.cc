// The table `unkept`: made when something is first noted.

#include "common/base/text.h"
#include "common/store/base_store.h"
#include "common/store/sqlite_db.h"

namespace twsync {

namespace {

constexpr const char* kCreate = R"(
CREATE TABLE IF NOT EXISTS unkept (path BLOB NOT NULL, side INTEGER NOT NULL, what INTEGER NOT NULL,
                                   at_ns INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY (path, side, what)) WITHOUT ROWID
)";

Result<bool> is_made(SqliteDb& db) {
  SYNC_ASSIGN(const int64_t made,
              db.query_int("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'unkept'"));
  return made != 0;
}

}  // namespace

const char* to_string(Unkept what) {
  switch (what) {
    case Unkept::mode:
      return "mode";
    case Unkept::owner:
      return "owner";
    case Unkept::xattrs:
      return "xattrs";
    case Unkept::time:
      return "time";
    case Unkept::special:
      return "special";
  }
  return "unknown";
}

Result<bool> BaseStore::note_unkept(const UnkeptRecord& record) {
  SYNC_TRY(db_->exec(kCreate));
  SYNC_ASSIGN(auto known, db_->prepare("SELECT text FROM unkept WHERE path = ?1 AND side = ?2 AND what = ?3"));
  known.bind_blob(1, record.path).bind(2, static_cast<int64_t>(record.side)).bind(3, static_cast<int64_t>(record.what));
  SYNC_ASSIGN(const bool found, known.step());
  const bool same = found && known.column_bytes(0) == record.text;
  known.reset();
  if (same) return false;
  SYNC_ASSIGN(auto insert, db_->prepare("INSERT OR REPLACE INTO unkept VALUES (?1, ?2, ?3, ?4, ?5)"));
  insert.bind_blob(1, record.path)
      .bind(2, static_cast<int64_t>(record.side))
      .bind(3, static_cast<int64_t>(record.what));
  insert.bind(4, record.at_ns).bind_text(5, record.text);
  SYNC_TRY(insert.run());
  return true;
}

Status BaseStore::drop_unkept(std::string_view path, Side side, Unkept what) {
  SYNC_ASSIGN(const bool made, is_made(*db_));
  if (!made) return {};
  SYNC_ASSIGN(auto drop, db_->prepare("DELETE FROM unkept WHERE path = ?1 AND side = ?2 AND what = ?3"));
  drop.bind_blob(1, path).bind(2, static_cast<int64_t>(side)).bind(3, static_cast<int64_t>(what));
  return drop.run();
}

Result<std::vector<UnkeptRecord>> BaseStore::unkept(size_t limit) {
  std::vector<UnkeptRecord> out;
  SYNC_ASSIGN(const bool made, is_made(*db_));
  if (!made) return out;
  SYNC_ASSIGN(auto select, db_->prepare("SELECT path, side, what, at_ns, text FROM unkept ORDER BY path LIMIT ?1"));
  select.bind(1, static_cast<int64_t>(limit));
  for (;;) {
    SYNC_ASSIGN(const bool more, select.step());
    if (!more) return out;
    UnkeptRecord& record = out.emplace_back();
    record.path = select.column_bytes(0);
    record.side = static_cast<Side>(select.column_int(1));
    record.what = static_cast<Unkept>(select.column_int(2));
    record.at_ns = select.column_int(3);
    record.text = select.column_bytes(4);
  }
}

Result<std::map<Unkept, uint64_t>> BaseStore::unkept_counts() {
  std::map<Unkept, uint64_t> out;
  SYNC_ASSIGN(const bool made, is_made(*db_));
  if (!made) return out;
  SYNC_ASSIGN(auto select, db_->prepare("SELECT what, count(*) FROM unkept GROUP BY what"));
  for (;;) {
    SYNC_ASSIGN(const bool more, select.step());
    if (!more) return out;
    out[static_cast<Unkept>(select.column_int(0))] = static_cast<uint64_t>(select.column_int(1));
  }
}

}  // namespace twsync
