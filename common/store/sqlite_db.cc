#include "common/store/sqlite_db.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <utility>

#include "common/base/flush.h"
#include "common/base/text.h"

namespace twsync {

namespace {

ErrorCode map_code(int code) {
  switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorCode::corrupt;
    case SQLITE_FULL:
      return ErrorCode::no_space;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return ErrorCode::busy;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
      return ErrorCode::denied;
    case SQLITE_CONSTRAINT:
      return ErrorCode::exists;
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
      return ErrorCode::bug;
    default:
      return ErrorCode::io;
  }
}

Error make_error(sqlite3* db, int code, std::string_view what) {
  const int sys = db != nullptr ? sqlite3_system_errno(db) : 0;
  const char* file = db != nullptr ? sqlite3_db_filename(db, "main") : nullptr;
  const std::string detail =
      db != nullptr && sqlite3_errcode(db) != SQLITE_OK ? sqlite3_errmsg(db) : sqlite3_errstr(code);
  ErrorCode mapped = map_code(code);
  if (mapped == ErrorCode::io && (sys == ENOSPC || sys == EDQUOT)) mapped = ErrorCode::no_space;
  return {mapped, str("database: ", what, ": ", detail), file != nullptr ? file : "", sys};
}

}  // namespace

Statement::Statement(Statement&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)), bind_error_(std::exchange(other.bind_error_, 0)) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(handle_, other.handle_);
  std::swap(bind_error_, other.bind_error_);
  return *this;
}

Statement::~Statement() {
  sqlite3_finalize(handle_);
}

void Statement::note(int code) {
  if (code != SQLITE_OK && bind_error_ == 0) bind_error_ = code;
}

Statement& Statement::bind(int index, int64_t value) {
  note(sqlite3_bind_int64(handle_, index, value));
  return *this;
}

Statement& Statement::bind_u64(int index, uint64_t value) {
  return bind(index, std::bit_cast<int64_t>(value));
}

Statement& Statement::bind_blob(int index, std::string_view bytes) {
  // A null pointer would bind NULL.
  const char* data = bytes.empty() ? "" : bytes.data();
  note(sqlite3_bind_blob64(handle_, index, data, bytes.size(), SQLITE_TRANSIENT));
  return *this;
}

Statement& Statement::bind_text(int index, std::string_view text) {
  const char* data = text.empty() ? "" : text.data();
  note(sqlite3_bind_text64(handle_, index, data, text.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
  return *this;
}

Statement& Statement::bind_null(int index) {
  note(sqlite3_bind_null(handle_, index));
  return *this;
}

Result<bool> Statement::step() {
  if (handle_ == nullptr) return make_error(nullptr, SQLITE_MISUSE, "empty statement");
  if (const int bad = std::exchange(bind_error_, 0); bad != 0) {
    return make_error(nullptr, bad, "bind");
  }
  const int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    sqlite3_reset(handle_);
    return false;
  }
  Error error = make_error(sqlite3_db_handle(handle_), code, "step");
  sqlite3_reset(handle_);
  return error;
}

Status Statement::run() {
  auto stepped = step();
  reset();
  if (!stepped.ok()) return std::move(stepped).error();
  return {};
}

void Statement::reset() {
  sqlite3_reset(handle_);
}

int64_t Statement::column_int(int column) const {
  return sqlite3_column_int64(handle_, column);
}

uint64_t Statement::column_u64(int column) const {
  return std::bit_cast<uint64_t>(column_int(column));
}

std::string_view Statement::column_bytes(int column) const {
  const void* data = sqlite3_column_blob(handle_, column);
  const int size = sqlite3_column_bytes(handle_, column);
  if (data == nullptr || size <= 0) return {};
  return {static_cast<const char*>(data), static_cast<size_t>(size)};
}

bool Statement::column_is_null(int column) const {
  return sqlite3_column_type(handle_, column) == SQLITE_NULL;
}

void SqliteDb::Close::operator()(sqlite3* db) const {
  sqlite3_close_v2(db);
}

SqliteDb::SqliteDb(SqliteDb&&) noexcept = default;
SqliteDb& SqliteDb::operator=(SqliteDb&&) noexcept = default;
SqliteDb::~SqliteDb() = default;

Result<SqliteDb> SqliteDb::open(const std::string& path, const SqliteOptions& options) {
  if (!options.read_only) {
    // SQLite would create it with the umask's mode; its WAL and shm files take over this one's.
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return error_from_errno(errno, "cannot open database", path);
    ::close(fd);
  }
  sqlite3* raw = nullptr;
  const int flags =
      (options.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  SqliteDb db(raw);
  if (code != SQLITE_OK) {
    Error error = make_error(raw, code, "open");
    error.path = path;
    if (error.code == ErrorCode::io && ::access(path.c_str(), F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR))
      error.code = ErrorCode::not_found;
    return error;
  }
  sqlite3_busy_timeout(raw, options.busy_timeout_ms);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  if (!options.read_only) SYNC_TRY(db.exec("PRAGMA journal_mode=WAL"));
  SYNC_TRY(db.set_synchronous(options.synchronous));
  // Touches the header now, so that a file that is no database is told here.
  SYNC_TRY(db.user_version());
  return db;
}

Status SqliteDb::set_synchronous(Synchronous how) {
  if (!kFlushes) return exec("PRAGMA synchronous=OFF");
  return exec(how == Synchronous::full ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
}

Status SqliteDb::exec(const char* sql) {
  const int code = sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return make_error(handle_.get(), code, sql);
  return {};
}

Result<Statement> SqliteDb::prepare(std::string_view sql) {
  sqlite3_stmt* raw = nullptr;
  const int code = sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
  if (code != SQLITE_OK) return make_error(handle_.get(), code, sql);
  return Statement(raw);
}

Result<int64_t> SqliteDb::query_int(std::string_view sql) {
  SYNC_ASSIGN(Statement statement, prepare(sql));
  SYNC_ASSIGN(const bool row, statement.step());
  if (!row) return Error{ErrorCode::not_found, str("database: no row: ", sql), {}, 0};
  return statement.column_int(0);
}

Result<int64_t> SqliteDb::user_version() {
  return query_int("PRAGMA user_version");
}

Status SqliteDb::set_user_version(int64_t version) {
  return exec(str("PRAGMA user_version=", version).c_str());
}

Status SqliteDb::quick_check() {
  SYNC_ASSIGN(Statement statement, prepare("PRAGMA quick_check(1)"));
  SYNC_ASSIGN(const bool row, statement.step());
  if (row && statement.column_bytes(0) == "ok") return {};
  const char* file = sqlite3_db_filename(handle_.get(), "main");
  return Error{ErrorCode::corrupt, str("database: quick_check: ", row ? statement.column_bytes(0) : "no answer"),
               file != nullptr ? file : "", 0};
}

int64_t SqliteDb::last_insert_rowid() const {
  return sqlite3_last_insert_rowid(handle_.get());
}

int64_t SqliteDb::changes() const {
  return sqlite3_changes64(handle_.get());
}

bool SqliteDb::in_transaction() const {
  return sqlite3_get_autocommit(handle_.get()) == 0;
}

Result<Transaction> Transaction::begin(SqliteDb& db) {
  SYNC_TRY(db.exec("BEGIN IMMEDIATE"));
  return Transaction(db);
}

Transaction::~Transaction() {
  // Some failures (disk full, I/O) have rolled back already.
  if (db_ != nullptr && db_->in_transaction()) (void)db_->exec("ROLLBACK");
}

Status Transaction::commit() {
  auto done = db_->exec("COMMIT");
  if (!done.ok() && db_->in_transaction()) (void)db_->exec("ROLLBACK");
  db_ = nullptr;
  return done;
}

}  // namespace twsync
