#pragma once
// What code server and agent say about the version store (PROTOCOL_AGENT.md).

#include <cstdint>
#include <string>
#include <vector>

#include "common/wire/apply_messages.h"

namespace twsync {

/// Asks for what the version store keeps at and below `path`, newest first.
struct VersionsRequest {
  std::string path;
  uint32_t limit = 1'000;
  std::string before = {};  ///< only what is older than this id; empty = from the newest
  template <class F>
  void fields(F&& f) {
    f(path, limit, before);
  }
};

/// What displaced a version. Never renumber: stored and sent.
enum class Displaced : uint8_t { unknown = 0, replaced = 1, removed = 2 };

/// One kept version.
struct VersionInfo {
  std::string id;
  std::string path;
  LoserCause cause = LoserCause::ordinary;
  int64_t stored_ns = 0;  ///< when it was displaced (that host's wall clock)
  Entry entry;            ///< as it stood at `path`
  Displaced how = Displaced::unknown;
  uint64_t epoch = 0, cycle = 0;  ///< what was displaced together
  std::string copy;  ///< not empty: this file was still open when it was displaced; that id is a copy of it
  template <class F>
  void fields(F&& f) {
    f(id, path, cause, stored_ns, entry, how, epoch, cycle, copy);
  }
};

struct VersionsReply {
  Error error;
  std::vector<VersionInfo> versions;
  bool more = false;  ///< the limit cut the list
  template <class F>
  void fields(F&& f) {
    f(error, versions, more);
  }
};

/// Copies a kept version to `path` as a new edit: whole or not at all, with the time of now; what stands there goes to
/// the version store.
struct RestoreRequest {
  std::string version;
  std::string path;
  template <class F>
  void fields(F&& f) {
    f(version, path);
  }
};

struct RestoreReply {
  Error error;
  Entry entry;  ///< what stands at `path` now
  template <class F>
  void fields(F&& f) {
    f(error, entry);
  }
};

/// A stored version and where it comes back to.
struct RestoreItem {
  std::string version;
  std::string path;
  template <class F>
  void fields(F&& f) {
    f(version, path);
  }
};

/// A tree comes back in three steps, each in any number of requests. Never renumber: sent.
enum class RestoreStep : uint8_t {
  directories = 1,  ///< made where they are missing, with room for us to fill them
  contents = 2,     ///< files and symlinks, each as RestoreRequest says
  finish = 3        ///< mode, owner, times of the directories that the first step made, in the order given: bottom up
};

struct RestoreTreeRequest {
  RestoreStep step = RestoreStep::contents;
  bool only_missing = true;  ///< where something else stands, nothing is done (exists); else that is displaced
  std::vector<RestoreItem> items;
  template <class F>
  void fields(F&& f) {
    f(step, only_missing, items);
  }
};

struct RestoreTreeReply {
  Error error;                    ///< nothing of this request was done
  std::vector<std::string> done;  ///< paths that were restored; of the first step: that were made
  std::vector<Error> failed;      ///< each with its path
  template <class F>
  void fields(F&& f) {
    f(error, done, failed);
  }
};

/// A piece of a stored file, at most 1 MiB; the reply is a BytesReply, shorter than asked at the end of the file.
struct ReadVersionRequest {
  std::string version;
  uint64_t offset = 0;
  uint32_t size = 0;
  template <class F>
  void fields(F&& f) {
    f(version, offset, size);
  }
};

/// VERSIONS_KEEP_*: the second look, thinning and expiry of a side's version store.
struct TendRequest {
  uint32_t keep_days = 30;
  uint64_t keep_bytes = 0;  ///< 0 = 10 % of the file system
  template <class F>
  void fields(F&& f) {
    f(keep_days, keep_bytes);
  }
};

/// What a side's version store holds, and what room its file system has.
struct StoreFacts {
  uint64_t versions = 0;
  uint64_t kept_bytes = 0;
  uint64_t precious_bytes = 0;
  uint64_t limit_bytes = 0;
  bool precious_over_limit = false;  ///< overwrites and deletions must park
  uint64_t room_bytes = UINT64_MAX;  ///< what may still be taken: free, less the reserve
  uint64_t room_inodes = UINT64_MAX;
  template <class F>
  void fields(F&& f) {
    f(versions, kept_bytes, precious_bytes, limit_bytes, precious_over_limit, room_bytes, room_inodes);
  }
};

struct TendReply {
  Error error;
  StoreFacts facts;
  uint64_t removed = 0;
  std::vector<VersionInfo> late;  ///< versions that a program wrote to after they were displaced; each is told once
  int64_t next_look_ms = -1;      ///< from now, when a second look is due; -1 = none
  template <class F>
  void fields(F&& f) {
    f(error, facts, removed, late, next_look_ms);
  }
};

}  // namespace twsync
