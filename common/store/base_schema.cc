#include "common/store/base_schema.h"

#include "common/base/text.h"

namespace twsync {

namespace {

constexpr int64_t kSchema = 2;

constexpr const char* kCreate = R"(
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
  if (version == 0) SYNC_TRY(db.exec(kCreate));
  SYNC_TRY(db.exec(kSince2));
  SYNC_TRY(db.set_user_version(kSchema));
  return transaction.commit();
}

}  // namespace twsync
