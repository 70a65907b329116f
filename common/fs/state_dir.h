#pragma once
// <root>/.twsync/<pair-id>/: marker, lock, stage, versions, cookies, chunks, partial. On the root's own file system, so
// that every move between here and the tree is a rename.

#include <string>
#include <string_view>
#include <vector>

#include "common/fs/dir_handle.h"
#include "common/wire/agent_messages.h"

namespace twsync {

constexpr std::string_view kStateName = ".twsync";

/// True for ".twsync" and everything below it (of the root; deeper, the name is ordinary).
bool is_state_path(std::string_view rel);

/// A pair id names a directory: 1 to 64 of [A-Za-z0-9._-], not beginning with '.' or '-'.
bool is_valid_pair_id(std::string_view id);

class StateDir {
 public:
  /// Makes what is missing (0700, each durable before the next). denied when something that is not a directory stands
  /// in the way.
  static Result<StateDir> open(const RootDir& root, const std::string& pair_id);

  int pair() const { return pair_.get(); }  ///< O_RDONLY, as the others: for *at() calls and fsync
  int stage() const { return stage_.get(); }
  int versions() const { return versions_.get(); }
  int chunks() const { return chunks_.get(); }
  int partial() const { return partial_.get(); }

  /// not_found when there is none yet, corrupt when it cannot be read.
  Result<Marker> read_marker() const;
  /// Atomic and durable. Where there was room once, also on a full disk: the old marker stays as the next one's place.
  Status write_marker(const Marker& marker);
  /// Takes the lock, writes `holder` into it (if there is room). busy (with the present holder's text) when somebody
  /// else has it. The lock goes with the returned descriptor or the process, whichever ends first.
  Result<UniqueFd> lock(const std::string& holder);
  /// Can this file system do RENAME_EXCHANGE? Tries it on two files of its own.
  bool probe_exchange() const;

 private:
  UniqueFd pair_;
  UniqueFd stage_;
  UniqueFd versions_;
  UniqueFd cookies_;
  UniqueFd chunks_;
  UniqueFd partial_;
};

/// The lock of another pair that used this root, as StateDir::lock(). Makes nothing, but a lock that is missing beside
/// a marker; an empty descriptor where that pair has nothing (any more).
Result<UniqueFd> lock_other_pair(const RootDir& root, const std::string& pair_id, const std::string& holder);

/// The first step of removing a pair's state below `state`, an open .twsync. Nothing is said of what is not there.
void remove_marker(int state, const std::string& pair_id);

/// The marker file as text and back.
std::string format_marker(const Marker& marker);
Result<Marker> parse_marker(std::string_view text);

/// Markers of every pair that ever used this root; unreadable ones are left out. Makes nothing.
std::vector<Marker> read_markers(const RootDir& root);

}  // namespace twsync
