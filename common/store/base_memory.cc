// The table `memory`: made when something is first remembered, so that a file without it needs no new schema.

#include "common/store/base_store.h"
#include "common/store/sqlite_db.h"

namespace twsync {

Status BaseStore::remember(std::string_view name, std::string_view value) {
  SYNC_TRY(db_->exec("CREATE TABLE IF NOT EXISTS memory (name TEXT PRIMARY KEY, value BLOB NOT NULL)"));
  SYNC_ASSIGN(auto insert, db_->prepare("INSERT OR REPLACE INTO memory VALUES (?1, ?2)"));
  insert.bind_text(1, name).bind_blob(2, value);
  return insert.run();
}

Result<std::string> BaseStore::remembered(std::string_view name) {
  SYNC_ASSIGN(const int64_t made,
              db_->query_int("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'memory'"));
  if (made == 0) return std::string{};
  SYNC_ASSIGN(auto select, db_->prepare("SELECT value FROM memory WHERE name = ?1"));
  select.bind_text(1, name);
  SYNC_ASSIGN(const bool found, select.step());
  return found ? std::string(select.column_bytes(0)) : std::string{};
}

}  // namespace twsync
