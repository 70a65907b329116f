#include "common/store/queue_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "common/base/text.h"

namespace twsync {

namespace {

constexpr int64_t kVersion = 1;

constexpr const char* kSchema =
    "CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    // AUTOINCREMENT: a row number is never used twice, so 'up to this row' stays true for ever.
    "CREATE TABLE hints(id INTEGER PRIMARY KEY AUTOINCREMENT, pair BLOB NOT NULL, hint BLOB NOT NULL);"
    "CREATE INDEX hints_pair ON hints(pair, id);"
    "CREATE TABLE requests(seq INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE, body BLOB NOT NULL);"
    "CREATE TABLE done(id BLOB PRIMARY KEY, event BLOB NOT NULL, expires INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE keys(seq INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB NOT NULL UNIQUE, pair BLOB NOT NULL,"
    " row INTEGER NOT NULL, expires INTEGER);"
    "CREATE INDEX keys_waiting ON keys(pair, row) WHERE expires IS NULL;"
    "CREATE INDEX keys_expires ON keys(expires) WHERE expires IS NOT NULL;"
    "CREATE TABLE pairs(pair BLOB PRIMARY KEY, last_done INTEGER NOT NULL, summary BLOB) WITHOUT ROWID;"
    "PRAGMA user_version=1";

std::string marker_path(const std::string& path) {
  return path + ".rescan";
}

bool exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

// The WAL goes first: left behind alone it would be replayed into the new file. The marker goes before everything, so
// that a crash in between can't make the rescan be forgotten.
Result<std::string> move_aside(const std::string& path, int64_t now_wall_ns) {
  const int fd = ::open(marker_path(path).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return error_from_errno(errno, "cannot mark the damaged queue", path);
  ::close(fd);
  std::string target = str(path, ".damaged-", now_wall_ns / 1'000'000'000);
  for (int n = 1; exists(target) || exists(target + "-wal"); ++n) {
    target = str(path, ".damaged-", now_wall_ns / 1'000'000'000, "-", n);
  }
  if (::rename((path + "-wal").c_str(), (target + "-wal").c_str()) != 0 && errno != ENOENT) {
    return error_from_errno(errno, "cannot move the damaged queue's log aside", path);
  }
  if (::rename(path.c_str(), target.c_str()) != 0)
    return error_from_errno(errno, "cannot move the damaged queue aside", path);
  (void)::unlink((path + "-shm").c_str());
  return target;
}

}  // namespace

Result<QueueStore> QueueStore::open_file(const std::string& path) {
  SYNC_ASSIGN(auto db, SqliteDb::open(path, {.synchronous = Synchronous::full}));
  QueueStore store(std::move(db), path);
  SYNC_TRY(store.db_.quick_check());
  SYNC_ASSIGN(const int64_t version, store.db_.user_version());
  if (version > kVersion) return Error{ErrorCode::unsupported, "the queue was written by a newer release", path, 0};
  if (version == 0) {
    SYNC_ASSIGN(auto transaction, Transaction::begin(store.db_));
    SYNC_TRY(store.db_.exec(kSchema));
    SYNC_TRY(transaction.commit());
  }
  SYNC_TRY(store.prepare());
  return store;
}

Result<QueueStore::Opened> QueueStore::open(const std::string& path, int64_t now_wall_ns) {
  std::string moved_to;
  auto store = open_file(path);
  if (store.ok()) {
    // A row that can't be read is damage like any other.
    if (auto contents = store->load(); !contents.ok()) store = Result<QueueStore>(std::move(contents).error());
  }
  if (!store.ok()) {
    if (store.error().code != ErrorCode::corrupt) return std::move(store).error();
    SYNC_ASSIGN(moved_to, move_aside(path, now_wall_ns));
    store = open_file(path);
    if (!store.ok()) return std::move(store).error();
  }
  return Opened{std::move(store).value(), exists(marker_path(path)), std::move(moved_to)};
}

Status QueueStore::recovery_done() {
  if (::unlink(marker_path(path_).c_str()) != 0 && errno != ENOENT) {
    return error_from_errno(errno, "cannot remove the rescan marker", marker_path(path_));
  }
  return {};
}

Status QueueStore::prepare() {
  const auto make = [this](Statement& statement, std::string_view sql) -> Status {
    SYNC_ASSIGN(statement, db_.prepare(sql));
    return {};
  };
  SYNC_TRY(make(q_.add_hint, "INSERT INTO hints(pair, hint) VALUES(?, ?)"));
  SYNC_TRY(make(q_.add_key, "INSERT OR IGNORE INTO keys(key, pair, row) VALUES(?, ?, ?)"));
  SYNC_TRY(make(q_.has_key, "SELECT 1 FROM keys WHERE key = ?"));
  SYNC_TRY(make(q_.add_request, "INSERT OR IGNORE INTO requests(id, body) VALUES(?, ?)"));
  SYNC_TRY(make(q_.drop_hints, "DELETE FROM hints WHERE pair = ? AND id <= ?"));
  SYNC_TRY(make(q_.drop_request, "DELETE FROM requests WHERE id = ?"));
  SYNC_TRY(make(q_.add_done, "INSERT OR REPLACE INTO done(id, event, expires) VALUES(?, ?, ?)"));
  SYNC_TRY(make(q_.set_pair,
                "INSERT INTO pairs(pair, last_done, summary) VALUES(?1, ?2, ?3) ON CONFLICT(pair) DO UPDATE SET"
                " last_done = ?2, summary = ifnull(?3, summary)"));
  SYNC_TRY(make(q_.end_keys, "UPDATE keys SET expires = ? WHERE pair = ? AND row <= ? AND expires IS NULL"));
  SYNC_TRY(make(q_.done_event, "SELECT event FROM done WHERE id = ?"));
  SYNC_TRY(make(q_.drop_above, "DELETE FROM hints WHERE pair = ? AND id > ?"));
  SYNC_TRY(make(q_.purge_keys, "DELETE FROM keys WHERE expires < ?"));
  SYNC_TRY(make(q_.purge_done, "DELETE FROM done WHERE expires < ?"));
  return make(q_.cap_keys, "DELETE FROM keys WHERE seq <= (SELECT max(seq) FROM keys) - ?");
}

Result<JournalContents> QueueStore::load() {
  const Error damaged{ErrorCode::corrupt, "a queue row can't be read", path_, 0};
  JournalContents contents;
  SYNC_ASSIGN(auto hints, db_.prepare("SELECT id, hint FROM hints ORDER BY id"));
  for (;;) {
    SYNC_ASSIGN(const bool row, hints.step());
    if (!row) break;
    auto hint = decode<Hint>(hints.column_bytes(1));
    if (!hint.ok()) return damaged;
    contents.hints.push_back({hints.column_u64(0), std::move(hint).value()});
  }
  SYNC_ASSIGN(auto requests, db_.prepare("SELECT body FROM requests ORDER BY seq"));
  for (;;) {
    SYNC_ASSIGN(const bool row, requests.step());
    if (!row) break;
    auto request = decode<Request>(requests.column_bytes(0));
    if (!request.ok()) return damaged;
    contents.requests.push_back(std::move(request).value());
  }
  SYNC_ASSIGN(auto pairs, db_.prepare("SELECT pair, last_done, summary FROM pairs"));
  for (;;) {
    SYNC_ASSIGN(const bool row, pairs.step());
    if (!row) break;
    JournalContents::PairRecord record{std::string(pairs.column_bytes(0)), pairs.column_int(1), {}};
    if (auto summary = decode<Summary>(pairs.column_bytes(2)); summary.ok())
      record.last_summary = std::move(summary).value();
    contents.pairs.push_back(std::move(record));
  }
  return contents;
}

Result<uint64_t> QueueStore::next_epoch(uint64_t first) {
  SYNC_ASSIGN(auto transaction, Transaction::begin(db_));
  SYNC_ASSIGN(auto raise,
              db_.prepare("INSERT INTO meta VALUES('epoch', ?) ON CONFLICT(name) DO UPDATE SET value = value + 1"));
  SYNC_TRY(raise.bind_u64(1, first).run());
  SYNC_ASSIGN(const int64_t epoch, db_.query_int("SELECT value FROM meta WHERE name = 'epoch'"));
  SYNC_TRY(transaction.commit());
  return static_cast<uint64_t>(epoch);
}

Status QueueStore::begin() {
  return db_.exec("BEGIN IMMEDIATE");
}

Status QueueStore::commit() {
  return db_.exec("COMMIT");
}

void QueueStore::rollback() {
  // A full disk has rolled back by itself already.
  if (db_.in_transaction()) (void)db_.exec("ROLLBACK");
}

Result<uint64_t> QueueStore::add_hints(const std::vector<Hint>& hints) {
  for (const Hint& hint : hints) {
    SYNC_TRY(q_.add_hint.bind_blob(1, hint.pair).bind_blob(2, encode(hint)).run());
  }
  return static_cast<uint64_t>(db_.last_insert_rowid());
}

Status QueueStore::add_key(const std::string& key, const std::string& pair, uint64_t row) {
  return q_.add_key.bind_blob(1, key).bind_blob(2, pair).bind_u64(3, row).run();
}

Result<bool> QueueStore::has_key(const std::string& key) {
  auto found = q_.has_key.bind_blob(1, key).step();
  q_.has_key.reset();
  return found;
}

Status QueueStore::add_request(const Request& request) {
  return q_.add_request.bind_blob(1, request.id).bind_blob(2, encode(request)).run();
}

Status QueueStore::end_lease(const LeaseEnd& end) {
  const int64_t expires = end.now_wall_ns + kKeepNs;
  SYNC_TRY(q_.drop_hints.bind_blob(1, end.pair).bind_u64(2, end.bound).run());
  SYNC_TRY(q_.end_keys.bind(1, expires).bind_blob(2, end.pair).bind_u64(3, end.bound).run());
  for (const LeaseEnd::Done& done : end.requests) {
    SYNC_TRY(q_.drop_request.bind_blob(1, done.request).run());
    SYNC_TRY(q_.add_done.bind_blob(1, done.request).bind_blob(2, done.event).bind(3, expires).run());
  }
  q_.set_pair.bind_blob(1, end.pair).bind(2, end.now_wall_ns);
  end.last_summary ? q_.set_pair.bind_blob(3, encode(*end.last_summary)) : q_.set_pair.bind_null(3);
  return q_.set_pair.run();
}

Result<std::optional<std::string>> QueueStore::done_event(const std::string& request) {
  SYNC_ASSIGN(const bool row, q_.done_event.bind_blob(1, request).step());
  std::optional<std::string> event;
  if (row) event = std::string(q_.done_event.column_bytes(0));
  q_.done_event.reset();
  return event;
}

Result<uint64_t> QueueStore::compact(const std::string& pair, uint64_t above, const std::vector<Hint>& hints) {
  SYNC_TRY(q_.drop_above.bind_blob(1, pair).bind_u64(2, above).run());
  if (hints.empty()) return above;
  return add_hints(hints);
}

Status QueueStore::purge(int64_t now_wall_ns) {
  SYNC_TRY(q_.purge_keys.bind(1, now_wall_ns).run());
  SYNC_TRY(q_.purge_done.bind(1, now_wall_ns).run());
  return q_.cap_keys.bind(1, kMaxKeys).run();
}

}  // namespace twsync
