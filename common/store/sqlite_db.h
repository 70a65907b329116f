#pragma once
// A small RAII adapter over SQLite: the only user of sqlite3.h. Errors are values: corrupt (damaged or not a database),
// no_space, busy (another writer beyond busy_timeout), exists (a constraint), denied (read-only), else io.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace twsync {

/// A prepared statement, kept by its owner and run again and again. Must not outlive its SqliteDb. Thread rule as
/// SqliteDb. A failed bind is remembered and returned by the next step(). Indexes: parameters from 1, columns from 0.
class Statement {
 public:
  Statement() = default;
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  ~Statement();

  Statement& bind(int index, int64_t value);
  Statement& bind_u64(int index, uint64_t value);  ///< the same 64 bits as a signed integer: ordered only below 2^63
  Statement& bind_blob(int index, std::string_view bytes);  ///< copied; empty = an empty blob, not NULL
  Statement& bind_text(int index, std::string_view text);   ///< copied
  Statement& bind_null(int index);

  /// True: a row stands in the columns. False: done, and the statement is reset (bindings stay).
  Result<bool> step();
  /// step() for a statement that yields no rows; resets it, also on failure.
  Status run();
  /// Ends a half-read result, so that its read lock goes; bindings stay.
  void reset();

  bool prepared() const { return handle_ != nullptr; }
  int64_t column_int(int column) const;
  uint64_t column_u64(int column) const;
  std::string_view column_bytes(int column) const;  ///< blob or text; valid until the next step() or reset()
  bool column_is_null(int column) const;

 private:
  friend class SqliteDb;
  explicit Statement(sqlite3_stmt* handle) : handle_(handle) {}
  void note(int code);
  sqlite3_stmt* handle_ = nullptr;
  int bind_error_ = 0;
};

enum class Synchronous : uint8_t {
  normal,  ///< power loss may take the last commits, never consistency
  full     ///< a commit that returned survives power loss
};

struct SqliteOptions {
  bool read_only = false;  ///< not_found where the file does not exist
  Synchronous synchronous = Synchronous::full;
  int busy_timeout_ms = 5000;
};

/// One connection, WAL. One thread at a time; several connections to one file are fine.
/// A new file gets mode 0600. After kill -9 or power loss the file holds exactly the committed transactions.
class SqliteDb {
 public:
  static Result<SqliteDb> open(const std::string& path, const SqliteOptions& options);
  SqliteDb(SqliteDb&&) noexcept;
  SqliteDb& operator=(SqliteDb&&) noexcept;
  ~SqliteDb();

  /// For the transactions that follow.
  Status set_synchronous(Synchronous how);
  /// Runs one or several statements without parameters.
  Status exec(const char* sql);
  Result<Statement> prepare(std::string_view sql);
  /// The first column of the first row; not_found without a row.
  Result<int64_t> query_int(std::string_view sql);
  /// PRAGMA user_version: 0 in a new file.
  Result<int64_t> user_version();
  Status set_user_version(int64_t version);
  /// PRAGMA quick_check: corrupt with the first finding, else ok. Reads the whole file.
  Status quick_check();
  int64_t last_insert_rowid() const;
  int64_t changes() const;  ///< rows changed by the last statement
  bool in_transaction() const;

 private:
  struct Close {
    void operator()(sqlite3* db) const;
  };
  explicit SqliteDb(sqlite3* handle) : handle_(handle) {}
  std::unique_ptr<sqlite3, Close> handle_;
};

/// BEGIN IMMEDIATE now, ROLLBACK on destruction unless commit() succeeded. Not nestable; must not outlive the db.
class Transaction {
 public:
  static Result<Transaction> begin(SqliteDb& db);
  Transaction(Transaction&& other) noexcept : db_(other.db_) { other.db_ = nullptr; }
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  /// Durable when it returned ok (Synchronous::full). On failure nothing of the transaction stands.
  Status commit();

 private:
  explicit Transaction(SqliteDb& db) : db_(&db) {}
  SqliteDb* db_;
};

}  // namespace twsync
