#pragma once
// What the resolver asks of a scanner and what comes back (PROTOCOL.md, "Tasks"). Bodies of task, task_data, task_done.

#include <array>
#include <string>
#include <vector>

#include "common/wire/agent_messages.h"

namespace twsync {

/// Never renumber.
enum class ScanTaskKind : uint8_t {
  open = 1,     ///< connect both sides and tell their facts; task_done body OpenDone
  claim = 2,    ///< lock and mark both roots; task_done body empty
  scan = 3,     ///< task_data ScanChunk…, task_done ScanDone
  digest = 4,   ///< task_data ScanChunk… (entries with digests; none = could not be read), task_done body empty
  restore = 5,  ///< bring a version back as a new edit; task_done body RestoreDone
  flush = 6,    ///< both sides put everything on disk; task_done body empty
  cookie = 7,   ///< every hint of the deploy side's watch so far has been published; task_done body empty
  tend = 8,     ///< look after both version stores; task_done body TendDone
};

struct ScanTask {
  ScanTaskKind kind = ScanTaskKind::open;
  std::string pair_id;
  HashKey hash_key{};
  uint64_t epoch = 0;
  std::string holder;                                 ///< open, claim: who we are, for whoever is refused
  std::vector<Scope> code, deploy;                    ///< scan: where to look, per side
  std::vector<std::string> exclude;                   ///< scan: in addition to the pair's EXCLUDE
  std::vector<std::string> code_paths, deploy_paths;  ///< digest
  Side side = Side::code;                             ///< restore
  std::string version, path;                          ///< restore: version id and the path it comes back to
  bool preserve_owner = false;                        ///< decided by the resolver after open
  Doubt code_doubt, deploy_doubt;                     ///< scan
  bool whole_next = false;                            ///< open: a claim and a scan of everything will follow
  bool fresh = false;                                 ///< claim: the pair's id was made up just now
  template <class F>
  void fields(F&& f) {
    f(kind, pair_id, hash_key, epoch, holder, code, deploy, exclude, code_paths, deploy_paths, side, version, path,
      preserve_owner, code_doubt, deploy_doubt, whole_next, fresh);
  }
};

struct OpenDone {
  SideFacts code, deploy;
  int64_t skew_ns = 0;      ///< deploy clock minus code clock
  std::string deploy_name;  ///< "ssh user@host:22", for messages
  template <class F>
  void fields(F&& f) {
    f(code, deploy, skew_ns, deploy_name);
  }
};

/// Entries that differ from the base (scan) or were read (digest), in no particular order. Kind none = vanished.
struct ScanChunk {
  Side side = Side::code;
  std::vector<PathEntry> entries;
  template <class F>
  void fields(F&& f) {
    f(side, entries);
  }
};

struct SideScan {
  int64_t started_ns = 0;            ///< that host's wall clock before the first read; 0 = not scanned
  uint64_t seen = 0;                 ///< entries listed
  std::vector<Error> unreadable;     ///< unknown, not deleted: whatever was pending below stays so
  std::vector<std::string> special;  ///< sockets, FIFOs, devices, mounts: skipped
  template <class F>
  void fields(F&& f) {
    f(started_ns, seen, unreadable, special);
  }
};

struct ScanDone {
  SideScan code, deploy;
  std::vector<std::string> ignored_rows;  ///< base rows that an ignore rule covers now: drop without any operation
  std::vector<std::string> bad_patterns;
  std::vector<Error> odd_rules;  ///< of a .twsyncignore that holds none, or (guard) whose rules of before hold on
  bool rules_changed = false;    ///< of a .twsyncignore, since the scan before: everything has to be looked at by them
  template <class F>
  void fields(F&& f) {
    f(code, deploy, ignored_rows, bad_patterns, odd_rules, rules_changed);
  }
};

struct TendDone {
  TendReply code, deploy;  ///< with their own errors
  template <class F>
  void fields(F&& f) {
    f(code, deploy);
  }
};

struct RestoreDone {
  std::string path;
  template <class F>
  void fields(F&& f) {
    f(path);
  }
};

}  // namespace twsync
