#include "common/store/base_schema.h"

#include <utility>
#include <vector>

#include "common/base/text.h"
#include "common/store/base_store.h"

namespace twsync {

namespace {

constexpr int64_t kSchema = 4;

constexpr const char* kSchema1 = R"(
CREATE TABLE meta (id INTEGER PRIMARY KEY CHECK (id = 1), value BLOB NOT NULL);
CREATE TABLE base (key BLOB PRIMARY KEY, row BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE conflicts (id TEXT PRIMARY KEY, path BLOB NOT NULL, at_ns INTEGER NOT NULL, rule TEXT NOT NULL, winner INTEGER NOT NULL,
                        loser TEXT NOT NULL, open INTEGER NOT NULL, text TEXT NOT NULL);
CREATE INDEX conflicts_by_path ON conflicts (path);
CREATE INDEX conflicts_by_time ON conflicts (at_ns);
CREATE TABLE parked (id TEXT PRIMARY KEY, value BLOB NOT NULL);
)";

constexpr const char* kSince2 = R"(
CREATE TABLE dropped (key BLOB PRIMARY KEY, round INTEGER NOT NULL, row BLOB NOT NULL) WITHOUT ROWID;
)";

constexpr const char* kSince3 = R"(
ALTER TABLE base ADD COLUMN code_inode INTEGER;
ALTER TABLE base ADD COLUMN deploy_inode INTEGER;
)";

/// Its first line names the rows as they are found.
constexpr const char* kSince4 = R"(
CREATE TABLE written (number INTEGER PRIMARY KEY, id INTEGER NOT NULL, key BLOB);
INSERT INTO written (id, key) VALUES (random(), NULL);
)";

using KeyedRow = std::pair<std::string, std::string>;

Result<std::vector<KeyedRow>> next_rows(Statement& select, std::string_view after) {
  select.bind_blob(1, after);
  std::vector<KeyedRow> rows;
  for (;;) {
    SYNC_ASSIGN(const bool more, select.step());
    if (!more) return rows;
    rows.emplace_back(select.column_bytes(0), select.column_bytes(1));
  }
}

Status fill_in_inodes(SqliteDb& db) {
  // The root's key is empty; no file stands there.
  SYNC_ASSIGN(auto select, db.prepare("SELECT key, row FROM base WHERE key > ?1 ORDER BY key LIMIT 1000"));
  SYNC_ASSIGN(auto update, db.prepare("UPDATE base SET code_inode = ?2, deploy_inode = ?3 WHERE key = ?1"));
  std::string last;
  for (;;) {
    SYNC_ASSIGN(const auto rows, next_rows(select, last));
    if (rows.empty()) return {};
    for (const auto& [key, bytes] : rows) {
      BaseRow row;
      SYNC_TRY(decode_row(bytes, row));
      if (!row.agreed.is_file()) continue;
      update.bind_blob(1, key);
      update.bind_u64(2, row.code.stamp.inode);
      update.bind_u64(3, row.deploy.stamp.inode);
      SYNC_TRY(update.run());
    }
    last = rows.back().first;
  }
}

}  // namespace

Status prepare_base_schema(SqliteDb& db, const std::string& path, bool read_only) {
  SYNC_ASSIGN(const int64_t version, db.user_version());
  if (version < 0 || version > kSchema) {
    return Error{ErrorCode::unsupported,
                 str("base.db has schema ", version, "; this release reads up to ", kSchema, ": install the newer one"),
                 path, 0};
  }
  if (version == 0 && read_only) return Error{ErrorCode::not_found, "the base was not written yet", path, 0};
  if (version == kSchema || read_only) return {};
  SYNC_ASSIGN(auto transaction, Transaction::begin(db));
  if (version < 1) SYNC_TRY(db.exec(kSchema1));
  if (version < 2) SYNC_TRY(db.exec(kSince2));
  if (version < 3) {
    SYNC_TRY(db.exec(kSince3));
    if (version > 0) SYNC_TRY(fill_in_inodes(db));
  }
  SYNC_TRY(db.exec(kSince4));
  SYNC_TRY(db.set_user_version(kSchema));
  return transaction.commit();
}

}  // namespace twsync
