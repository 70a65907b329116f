#pragma once
// Frames between the code server and the agent (PROTOCOL.md, "Agent"). A frame is
//   u32 length of payload | u8 type | u8 flags | u16 zero | u32 stream     (little-endian), then the payload.

#include <cstdint>
#include <string>
#include <vector>

#include "common/wire/apply_messages.h"
#include "common/wire/version_messages.h"

namespace twsync {

/// Of an agent that waits for as long as a ping promises.
constexpr const char* kRestFeature = "rest";
/// Of an agent that answers `partials`.
constexpr const char* kResumeFeature = "resume";

constexpr uint32_t kAgentProtocol = 1;
/// Sent raw by the agent before its first frame; the client skips anything before it (login banners), up to 64 KiB.
constexpr std::string_view kAgentMagic{"\0TWSYNC-AGENT\1\r\n", 16};
constexpr size_t kMaxFrame = 8U << 20U;

/// Never renumber.
enum class FrameType : uint8_t {
  hello = 1,
  hello_reply = 2,
  ping = 3,
  pong = 4,
  error = 5,
  goodbye = 6,
  facts = 10,
  facts_reply = 11,
  claim = 12,
  claim_reply = 13,
  list = 20,
  list_chunk = 21,
  list_end = 22,
  digest = 23,
  digest_reply = 24,
  read_small = 25,
  read_small_reply = 26,
  list_notes = 27,
  flush = 28,
  flush_reply = 29,
  watch_reply = 34,
  watch = 30,
  hints = 31,
  cookie = 32,
  cookie_seen = 33,
  apply = 40,
  send = 41,
  content = 42,
  content_end = 43,
  results = 44,
  content_credit = 45,
  partials = 46,
  partials_reply = 47,
  versions = 50,
  versions_reply = 51,
  restore = 52,
  restore_reply = 53,
  forget = 54,
  forget_reply = 55,
  tend = 56,
  tend_reply = 57,
  read_version = 58,
  read_version_reply = 59,
  // the code server's answers to the deploy server (way_back_messages.h)
  answer_event = 60,
  answer_text = 61,
  answer_end = 62,
  restore_tree = 63,
  restore_tree_reply = 64,
};

enum class AgentRole : uint8_t { control = 1, bulk = 2 };

struct Hello {
  uint32_t protocol = kAgentProtocol;
  std::string build;  ///< client's build id
  AgentRole role = AgentRole::control;
  std::string root;     ///< absolute; refused when a forced command names another
  std::string pair_id;  ///< empty before the first claim
  HashKey hash_key{};
  bool preserve_owner = false;
  bool preserve_xattrs = false;
  uint32_t ping_timeout_ms = 15'000;
  bool preserve_setuid = false;
  template <class F>
  void fields(F&& f) {
    f(protocol, build, role, root, pair_id, hash_key, preserve_owner, preserve_xattrs, ping_timeout_ms,
      preserve_setuid);
  }
};

struct HelloReply {
  uint32_t protocol = kAgentProtocol;
  std::string build;
  std::string host;
  int64_t wall_ns = 0;  ///< for the clock skew
  uint32_t uid = 0;
  std::vector<std::string> features;
  Error error;  ///< code ok = welcome
  template <class F>
  void fields(F&& f) {
    f(protocol, build, host, wall_ns, uid, features, error);
  }
};

/// What a marker says (DESIGN.md section 7).
struct Marker {
  std::string pair_id;
  Side role = Side::code;
  uint64_t epoch = 0;
  template <class F>
  void fields(F&& f) {
    f(pair_id, role, epoch);
  }
};

/// Facts of a side's root and host.
struct SideFacts {
  std::string host;
  std::string boot_id;
  uint64_t root_device = 0;
  uint64_t root_inode = 0;
  std::string root_path;        ///< as opened, canonical
  std::vector<Marker> markers;  ///< of every pair that ever used this root
  bool root_empty = false;      ///< nothing but .twsync in it
  int64_t wall_ns = 0;
  uint32_t uid = 0;
  std::string file_system;  ///< "ext4", for doctor and messages
  bool rename_exchange = true;
  uint64_t free_bytes = 0;
  uint64_t free_inodes = 0;
  int64_t booted_ns = 0;       ///< that host's wall clock of its last boot; 0 = unknown
  std::string file_system_id;  ///< outlives a boot; empty = unknown
  std::string mount;  ///< "<mount namespace>:<mount>"; tells a new mount within one boot and namespace; empty = unknown
  std::vector<std::string> own_paths;  ///< relative: keys and programs of twsync's own below the root, never synced
  template <class F>
  void fields(F&& f) {
    f(host, boot_id, root_device, root_inode, root_path, markers, root_empty, wall_ns, uid, file_system,
      rename_exchange, free_bytes, free_inodes, booted_ns, file_system_id, mount, own_paths);
  }
};

struct FactsReply {
  Error error;
  SideFacts facts;
  template <class F>
  void fields(F&& f) {
    f(error, facts);
  }
};

/// Takes the lock and writes the marker. Refused (busy, with the holder's text) while another controller holds it.
struct Claim {
  Marker marker;
  std::string holder;  ///< shown to whoever is refused: "host, pid, since"
  HashKey hash_key{};  ///< the pair's, once known
  template <class F>
  void fields(F&& f) {
    f(marker, holder, hash_key);
  }
};

struct Reply {
  Error error;  ///< code ok = done
  template <class F>
  void fields(F&& f) {
    f(error);
  }
};

struct ListRequest {
  std::vector<Scope> scopes;              ///< ordered, disjoint
  std::vector<std::string> exclude;       ///< gitignore patterns that already prune on this side
  std::vector<std::string> ignore_lines;  ///< .twsyncignore of both sides, merged sets are separate: see `ignore_split`
  uint32_t ignore_split = 0;       ///< the first N of ignore_lines are the code side's file, the rest the deploy side's
  std::vector<std::string> never;  ///< never-synced relative paths
  std::string known;               ///< 16 bytes of each range that need not be listed again (common/fs/listed_ranges.h)
  template <class F>
  void fields(F&& f) {
    f(scopes, exclude, ignore_lines, ignore_split, never, known);
  }
};
constexpr size_t kKnownRangeBytes = 16;

/// Listed entries in compare_paths order. A scope's own path comes too; absent paths do not (the scope says it was
/// looked at).
struct ListChunk {
  std::vector<PathEntry> entries;
  std::vector<uint32_t> known;  ///< which ranges of the request, from 1, stand as they were; before `entries`
  template <class F>
  void fields(F&& f) {
    f(entries, known);
  }
};

struct ListEnd {
  Error error;                       ///< the listing as a whole failed (root gone): nothing may be concluded
  std::vector<Error> unreadable;     ///< directories (or entries) that could not be read: unknown, never deleted
  std::vector<std::string> ignored;  ///< ignored paths that exist (directories stand for what is below)
  int64_t started_ns = 0;            ///< that host's wall clock before the first read
  template <class F>
  void fields(F&& f) {
    f(error, unreadable, ignored, started_ns);
  }
};

struct DigestRequest {
  std::vector<std::string> paths;
  template <class F>
  void fields(F&& f) {
    f(paths);
  }
};

/// One per path, in order: the entry as it was read (stamp from fstat before = after reading, digest known), or kind
/// none.
struct DigestReply {
  std::vector<PathEntry> entries;
  std::vector<Error> failed;
  Error error;  ///< on the wire only: the request as a whole failed
  template <class F>
  void fields(F&& f) {
    f(entries, failed, error);
  }
};

struct PathRequest {
  std::string path;
  template <class F>
  void fields(F&& f) {
    f(path);
  }
};

struct BytesReply {
  Error error;
  std::string bytes;
  template <class F>
  void fields(F&& f) {
    f(error, bytes);
  }
};

/// What a watch leaves out: the same lists as a ListRequest. And by which interface of the kernel it is wanted: a
/// WatchSource; an agent that doesn't know it uses inotify.
struct WatchRequest {
  std::vector<std::string> exclude;
  std::vector<std::string> ignore_lines;
  uint32_t ignore_split = 0;
  std::vector<std::string> never;
  uint8_t source = 0;
  template <class F>
  void fields(F&& f) {
    f(exclude, ignore_lines, ignore_split, never, source);
  }
};

struct HintsFrame {
  std::vector<Hint> hints;
  std::string state;  ///< not empty: the watch's state changed to this ("live (inotify)", "degraded: …")
  template <class F>
  void fields(F&& f) {
    f(hints, state);
  }
};

/// What is there of files whose transfer was cut?
struct PartialsRequest {
  std::vector<PartialQuery> files;
  template <class F>
  void fields(F&& f) {
    f(files);
  }
};

struct PartialsReply {
  std::vector<Partial> partials;
  template <class F>
  void fields(F&& f) {
    f(partials);
  }
};

}  // namespace twsync
