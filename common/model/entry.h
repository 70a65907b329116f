#pragma once
// What stands at a path, and what the base remembers of it. Values only.

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/digest.h"
#include "common/base/name.h"

namespace twsync {

/// The two sides of a pair. Never renumber: stored and sent.
enum class Side : uint8_t { code = 0, deploy = 1 };
constexpr Side other(Side side) {
  return side == Side::code ? Side::deploy : Side::code;
}
constexpr const char* to_string(Side side) {
  return side == Side::code ? "code" : "deploy";
}

/// Never renumber: stored and sent. `other` = socket, FIFO, device, nested mount: reported, never opened, never synced.
enum class Kind : uint8_t { none = 0, file = 1, directory = 2, symlink = 3, other = 4 };
const char* to_string(Kind kind);

/// What changed within this time before a look, or is dated later, may change again without its times telling.
constexpr int64_t kRacyNs = 20'000'000;

/// A side's fingerprint of an inode, from one stat. All zero = none.
struct Stamp {
  uint64_t inode = 0;
  uint64_t size = 0;
  int64_t mtime_ns = 0;
  int64_t ctime_ns = 0;
  bool operator==(const Stamp&) const = default;
};

/// What stands at a path on one side. Fields that a kind does not have stay at their defaults.
struct Entry {
  Kind kind = Kind::none;
  uint32_t mode = 0;   ///< permission bits, at most 07777 (file, directory)
  uint32_t links = 1;  ///< link count (file)
  uint32_t uid = 0;    ///< as on its own host; used only where `owner` is not known on the other
  uint32_t gid = 0;
  Name owner;  ///< user name, or "#uid"; empty = owners are not preserved
  Name group;
  Name xattrs;           ///< encoded extended attributes; empty = none or not preserved
  uint64_t size = 0;     ///< bytes (file)
  int64_t mtime_ns = 0;  ///< file and symlink; a directory's is carried but never compared
  Digest digest;         ///< file; unknown until a decision needs it
  std::string target;    ///< symlink
  Stamp stamp;           ///< as scanned on its side

  bool exists() const { return kind != Kind::none; }
  bool is_file() const { return kind == Kind::file; }
  bool is_directory() const { return kind == Kind::directory; }
  bool is_symlink() const { return kind == Kind::symlink; }
};

/// What one side really holds of an agreed entry: its fingerprint after the final rename and metadata, and the
/// metadata that stuck (a file system or a missing user may not keep what was agreed). A side has *changed* when
/// it differs from this, so what could not be kept does not come back as an edit.
struct SideRecord {
  Stamp stamp;
  uint32_t mode = 0;
  uint32_t links = 1;  ///< link count (file), names outside the tree included
  bool apart = false;  ///< the file system refused to link it as it is linked on the other side: a copy stands there
  Name owner;
  Name group;
  Name xattrs;
};

/// One row of the base: what both sides agreed on at `path`.
struct BaseRow {
  std::string path;
  Entry agreed;  ///< stamp unused; a file's digest is always known
  SideRecord code;
  SideRecord deploy;
  /// Grows each time that both sides are told to put everything on disk; so what was recorded since can be told.
  uint32_t round = 0;

  const SideRecord& side(Side s) const { return s == Side::code ? code : deploy; }
  SideRecord& side(Side s) { return s == Side::code ? code : deploy; }
};

/// An entry at a path, as listings and scans carry it.
struct PathEntry {
  std::string path;
  Entry entry;
};

}  // namespace twsync
