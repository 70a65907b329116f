#pragma once
// Messages around the broker (PROTOCOL.md, "Broker"). On the wire: [header frame = encode(Envelope)] [body frame].
// The broker reads envelopes; bodies of tasks and events pass through unread. Content never passes here.

#include <cstdint>
#include <string>
#include <vector>

#include "common/wire/apply_messages.h"

namespace twsync {

constexpr uint32_t kBrokerSchema = 1;

/// Never renumber.
enum class MessageType : uint8_t {
  // front socket: producers and clients -> broker, and back
  publish = 1,       ///< body Publish; answered by ack (journaled) or refused
  request = 2,       ///< body Request; answered by ack (journaled) or refused; events follow to the requester
  status = 3,        ///< body StatusQuery; answered by status_reply
  status_reply = 4,  ///< body StatusReply
  ack = 5,           ///< `id` as sent
  refused = 6,       ///< body Error: see decode_error()
  event = 7,         ///< body Event
  attach = 8,        ///< body: request id; events of a running request also go to this client
  // back socket: workers <-> broker
  ready = 20,      ///< body WorkerReady
  heartbeat = 21,  ///< both ways; broker's carries nothing
  goodbye = 22,
  lease = 30,       ///< broker -> resolver: body Lease
  lease_more = 31,  ///< resolver -> broker: further hints of the leased pair, please; answered by lease_more_reply
  lease_more_reply = 32,  ///< body Lease (only new hints; empty = none)
  lease_done = 33,        ///< resolver -> broker: body LeaseDone
  cookie_seen = 34,       ///< broker -> the pair's resolver: all hints from before the cookie `id` are journaled;
                          ///< `count` 1 = its producer watches everything, 0 = not
  task = 40,              ///< resolver -> broker -> worker: body = the task's own
  task_data = 41,         ///< worker -> broker -> resolver, streamed within credit
  task_credit = 42,       ///< resolver -> broker -> worker: `count` more task_data may come
  task_done = 43,         ///< worker -> broker -> resolver: body = the task's own result
  task_failed = 44,       ///< worker -> broker -> resolver: body Error: see decode_error()
  task_lost = 45,         ///< broker -> resolver: the worker is gone
  task_cancel = 46,       ///< resolver -> broker -> worker
};

/// The body of refused and task_failed, made by encode(Error); a malformed one reads as peer_violation.
inline Error decode_error(std::string_view body) {
  Reader reader(body);
  Error error;
  if (reader.ok()) read_value(reader, error);
  if (!reader.ok() || error.code == ErrorCode::ok) return {ErrorCode::peer_violation, "malformed error", {}, 0};
  return error;
}

struct Envelope {
  uint32_t schema = kBrokerSchema;
  MessageType type = MessageType::heartbeat;
  std::string service;  ///< task: which kind of worker
  std::string pair;
  std::string id;      ///< request id, task id, or idempotency key
  uint64_t count = 0;  ///< task_credit
  template <class F>
  void fields(F&& f) {
    f(schema, type, service, pair, id, count);
  }
};

/// How well a producer sees one side of a pair; shown by `status`, never journaled.
struct WatchState {
  std::string pair;
  Side side = Side::code;
  std::string state;  ///< "live (inotify)", "live (fanotify)", "catching up", "degraded: …"
  template <class F>
  void fields(F&& f) {
    f(pair, side, state);
  }
};

/// A producer's watch saw the cookie that EventKind::cookie had asked for. Every change before it has been hinted, in
/// this message or in one that was acknowledged.
struct CookieSeen {
  std::string pair;
  std::string name;
  bool whole = true;  ///< false: something below the root is not watched
  template <class F>
  void fields(F&& f) {
    f(pair, name, whole);
  }
};

struct Publish {
  std::vector<Hint> hints;
  std::vector<WatchState> watch;  ///< may come without hints
  std::vector<CookieSeen> cookies = {};
  template <class F>
  void fields(F&& f) {
    f(hints, watch, cookies);
  }
};

/// Never renumber.
enum class RequestKind : uint8_t { sync = 1, resolve = 2, approve = 3, reject = 4, restore = 5, forget = 6 };

struct Request {
  std::string id;  ///< made by the client; running it twice changes nothing more (I10)
  RequestKind kind = RequestKind::sync;
  std::string pair;
  HintSource source = HintSource::manual;
  // sync
  Direction direction = Direction::both;
  bool dry_run = false;
  std::vector<std::string> paths;  ///< relative; empty = full rescan of both sides
  bool list_operations = false;    ///< send an event for each operation (dry run, --json, terminal)
  std::optional<ConflictPolicy> policy;
  std::vector<std::string> exclude;  ///< in addition to the configuration's
  // resolve / approve / reject / restore
  std::string item;           ///< parked id or version id
  std::string choice;         ///< resolve: "code", "deploy", "both"
  std::string asked_by = {};  ///< for the audit log: a user's name
  template <class F>
  void fields(F&& f) {
    f(id, kind, pair, source, direction, dry_run, paths, list_operations, policy, exclude, item, choice, asked_by);
  }
};

/// Never renumber.
enum class EventKind : uint8_t {
  operation = 1,
  conflict = 2,
  parked = 3,
  skipped = 4,
  progress = 5,
  summary = 6,
  note = 7,
  cycle = 8,
  cookie = 9,    ///< for the code side's monitor: drop the cookie `item` for the pair id `text`
  workers = 10,  ///< from the broker: a worker of the pair came or went, the status says which
};

struct Summary {
  uint64_t operations = 0, failed = 0, bytes_sent = 0, bytes_received = 0, content_bytes = 0;
  uint64_t conflicts = 0, parked = 0, pending = 0, skipped = 0;
  bool in_sync = false;
  bool dry_run = false;
  int64_t duration_ns = 0;
  Error error;           ///< code not ok: the run as a whole failed (exit code from error.code)
  uint64_t guarded = 0;  ///< of `parked`: sets of deletions that the guard (I6) holds
  template <class F>
  void fields(F&& f) {
    f(operations, failed, bytes_sent, bytes_received, content_bytes, conflicts, parked, pending, skipped, in_sync,
      dry_run, duration_ns, error, guarded);
  }
};

struct Progress {
  std::string stage;  ///< "scanning", "planning", "transferring", …
  uint64_t files_done = 0, files_total = 0, bytes_done = 0, bytes_total = 0;
  template <class F>
  void fields(F&& f) {
    f(stage, files_done, files_total, bytes_done, bytes_total);
  }
};

/// What happened, for the requester and for every subscriber (PUB topic = pair name).
struct Event {
  EventKind kind = EventKind::note;
  std::string pair;
  int64_t at_ns = 0;
  std::string path;
  std::string text;  ///< for people
  std::string item;  ///< id of a conflict, parked item or version
  std::optional<Operation> operation;
  ErrorCode code = ErrorCode::ok;  ///< operation: what came of it
  std::optional<Summary> summary;
  std::optional<Progress> progress;
  uint64_t cycle = 0;
  template <class F>
  void fields(F&& f) {
    f(kind, pair, at_ns, path, text, item, operation, code, summary, progress, cycle);
  }
};

struct WorkerReady {
  std::string service;             ///< "scanner", "resolver", "transfer"; "monitor": is there, and takes no work
  std::vector<std::string> pairs;  ///< served pairs; empty = any
  uint32_t credit = 1;             ///< tasks it takes at a time
  uint32_t pid = 0;
  std::string version;
  bool rests = false;  ///< follows the interval of the broker's heartbeats, and learns by itself when they are cut off
  template <class F>
  void fields(F&& f) {
    f(service, pairs, credit, pid, version, rests);
  }
};

/// Worker -> broker, each second or as the broker said; the broker's own carry no body, and the interval in `count`.
struct Heartbeat {
  std::string doing;  ///< for `status`
  bool asks = false;  ///< the broker is to answer with a heartbeat of its own
  template <class F>
  void fields(F&& f) {
    f(doing, asks);
  }
};

/// A pair's hints and requests, held until LeaseDone.
struct Lease {
  uint64_t id = 0;  ///< fencing token
  std::string pair;
  std::vector<Hint> hints;  ///< coalesced
  std::vector<Request> requests;
  uint32_t attempt = 1;
  template <class F>
  void fields(F&& f) {
    f(id, pair, hints, requests, attempt);
  }
};

struct LeaseDone {
  uint64_t id = 0;
  bool done = true;  ///< false = put everything back, retry after `retry_ms`
  int64_t retry_ms = 0;
  std::vector<Hint> again;  ///< paths to look at once more (stale results), journaled with the release
  Error error;
  template <class F>
  void fields(F&& f) {
    f(id, done, retry_ms, again, error);
  }
};

struct StatusQuery {
  std::string pair;          ///< empty = all
  std::string service = {};  ///< "observer": an owner who asks all the time, to be listed beside the workers
  uint32_t pid = 0;
  std::string version = {};
  template <class F>
  void fields(F&& f) {
    f(pair, service, pid, version);
  }
};

struct WorkerStatus {
  std::string service, version, doing;
  uint32_t pid = 0;
  int64_t last_seen_ms = 0;  ///< ago
  template <class F>
  void fields(F&& f) {
    f(service, version, doing, pid, last_seen_ms);
  }
};

struct PairStatus {
  std::string pair;
  std::string state;  ///< "idle", "running", "waiting", "retrying", "buried"
  uint64_t hints_waiting = 0, requests_waiting = 0;
  uint32_t attempt = 0;
  int64_t last_done_ns = 0;  ///< wall clock of the last finished cycle; 0 = never
  std::string last_error;
  std::optional<Progress> progress;
  std::optional<Summary> last_summary;
  std::string watch;         ///< "live (inotify)", "catching up", "degraded: …" per side, as the producers say
  std::string missing = {};  ///< the service that the pair is without for the longest time; empty = none
  int64_t missing_ms = 0;
  int64_t busy_ms = 0;  ///< how long the pair has not been idle; before its first sync: not been done
  template <class F>
  void fields(F&& f) {
    f(pair, state, hints_waiting, requests_waiting, attempt, last_done_ns, last_error, progress, last_summary, watch,
      missing, missing_ms, busy_ms);
  }
};

struct StatusReply {
  std::string version;
  uint32_t pid = 0;
  std::vector<PairStatus> pairs;
  std::vector<WorkerStatus> workers;
  template <class F>
  void fields(F&& f) {
    f(version, pid, pairs, workers);
  }
};

}  // namespace twsync
