#pragma once
// The broker without its sockets: messages in, messages out, the journal in between. One thread.
//
// A turn: begin_turn(), handle() for all that arrived, end_turn(). What must be durable before it is answered is
// collected and committed once in end_turn(); answers come out after the commit (group commit).

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "broker/job_queue.h"
#include "broker/outbox.h"
#include "broker/task_router.h"
#include "broker/worker_table.h"
#include "common/store/queue_store.h"

namespace twsync {

enum class BrokerSeverity : uint8_t { info, warning, error };
using BrokerLog = std::function<void(BrokerSeverity, std::string_view)>;

struct CoreOptions {
  std::string queue_path;          ///< queue.db; its directory exists
  std::vector<std::string> pairs;  ///< the pairs served; anything for another one is refused
  uint32_t pid = 0;                ///< shown by status
  uint64_t seed = 0;               ///< of the retry jitter and the first epoch
  QueueLimits queue;
  RouterLimits router;
  BrokerLog log;  ///< may be empty
};

struct Incoming {
  BrokerSocket socket = BrokerSocket::front;
  std::string peer;
  Envelope envelope;
  std::string body;
  bool owner = true;  ///< root or the broker's own user; others may publish and ask, nothing more
};

struct Published {
  std::string topic;
  Envelope envelope;
  std::string body;
};

class BrokerCore {
 public:
  /// Everything journaled is ready again; a damaged journal is moved aside and a full rescan of every pair journaled
  /// (I4).
  static Result<std::unique_ptr<BrokerCore>> open(CoreOptions options, int64_t now, int64_t now_wall);

  void begin_turn(int64_t now, int64_t now_wall);
  void handle(Incoming message);
  /// Fails (corrupt) only when the journal can't be used any more: close the broker and open it again.
  Status end_turn();
  /// A peer that can't be reached any more.
  void peer_gone(BrokerSocket socket, const std::string& peer);
  /// The connection of some worker ended, whose is not told.
  void connection_ended();
  /// Frames that were no message.
  void count_garbage() { ++dropped_; }

  std::vector<Outgoing> take_outgoing();
  std::vector<Published> take_published() { return std::exchange(published_, {}); }
  /// When end_turn() is due again, if nothing arrives before.
  int64_t next_deadline() const;
  /// Messages that were refused a hearing: garbage, stale tokens, unknown tasks.
  uint64_t dropped() const { return dropped_ + router_.dropped(); }

 private:
  struct Write {
    std::function<Status(QueueStore&)> write;
    std::function<void()> committed;
    std::function<void(const Error&)> failed;  // empty = try again with the next commits until it succeeds
  };
  struct PairView {
    std::optional<Progress> progress;
    std::optional<Summary> summary;
    std::array<std::string, 2> watch;
  };
  using Handler = void (BrokerCore::*)(Incoming&);
  struct Route {
    MessageType type;
    bool front;
    bool back;
    Handler handler;
  };
  static const Route kRoutes[];

  BrokerCore(CoreOptions options, QueueStore store, uint64_t epoch);
  Status load(bool recovered, int64_t now);
  Status journal_rescan(int64_t now);

  // front_handlers.cc
  void on_ping(Incoming& in);
  void on_publish(Incoming& in);
  void pass_on(const std::vector<CookieSeen>& cookies);
  void on_request(Incoming& in);
  void on_attach(Incoming& in);
  void on_status(Incoming& in);
  bool tell_if_known(const Incoming& in, const std::string& request);
  PairStatus pair_status(const std::string& pair) const;
  std::string watch_text(const std::string& pair) const;
  void add_missing(PairStatus& status) const;
  void list_processes(StatusReply& status) const;

  // back_handlers.cc
  void on_ready(Incoming& in);
  void on_heartbeat(Incoming& in);
  void on_goodbye(Incoming& in);
  void on_lease_more(Incoming& in);
  void on_lease_done(Incoming& in);
  void on_task(Incoming& in);
  void on_task_control(Incoming& in);
  void on_task_reply(Incoming& in);
  void on_event(Incoming& in);
  void end_lease(const std::string& holder, LeaseDone& done);
  void fail_lease(const std::string& holder, LeaseDone& done);
  void finish_request(const std::string& id);
  std::vector<LeaseEnd::Done> request_ends(const JobQueue::Ending& ending, const Error& error);
  void worker_gone(const std::string& identity, const Error& why);
  void note_gone(const WorkerTable::Worker& worker);
  void tell_workers_changed(const WorkerTable::Worker& worker);

  // broker_core.cc
  Status commit_writes();
  void assign_leases();
  void beat();
  void housekeeping();
  void reply(const Incoming& in, MessageType type, std::string body = {});
  void refuse(const Incoming& in, const Error& error);
  void send_event(const std::string& request, const Envelope& envelope, const std::string& body, bool droppable);
  void log(BrokerSeverity severity, std::string_view text) const;

  CoreOptions options_;
  const uint64_t epoch_;
  QueueStore store_;
  JobQueue queue_;
  WorkerTable workers_;
  TaskRouter router_;
  std::map<std::string, PairView> views_;
  std::map<std::string, std::map<std::string, int64_t>> gone_;  // service -> pair -> since when nobody serves it
  std::optional<std::pair<WorkerStatus, int64_t>> observer_;    // it is no worker: seen when it last asked
  std::map<std::string, std::set<std::string>> followers_;      // request id -> clients
  std::map<std::string, std::string> summaries_;                // leased request id -> its summary event, encoded
  std::vector<Write> writes_;
  std::vector<Outgoing> outgoing_;
  std::vector<Published> published_;
  int64_t opened_ = 0;
  int64_t now_ = 0;
  int64_t now_wall_ = 0;
  int64_t due_ = 0;  // when the next turn was to be
  int64_t next_purge_ = 0;
  int64_t next_commit_ = 0;  // not before: the last commit failed
  uint64_t dropped_ = 0;
  uint64_t dropped_told_ = 0;
};

}  // namespace twsync
