#pragma once
// Tables of base.db and their schema numbers, and how a file of an older one is brought to this release's (FORMAT.md).

#include <string>

#include "common/store/sqlite_db.h"

namespace twsync {

/// Makes the tables of a new file, brings those of an older schema to this release's, in one transaction. Reading alone
/// changes nothing: an old file is read as it is. not_found: read_only and nothing was ever written; unsupported: a
/// newer schema.
Status prepare_base_schema(SqliteDb& db, const std::string& path, bool read_only);

}  // namespace twsync
