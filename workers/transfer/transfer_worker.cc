#include "workers/transfer/transfer_worker.h"

#include <unistd.h>

#include <algorithm>
#include <climits>

#include "common/base/memory.h"
#include "common/base/text.h"

namespace twsync {
namespace {

constexpr uint32_t kCredit = 4;
constexpr int kLookAgainMs = 500;  // at sessions that are ending

/// Sessions differ where their handshakes do.
std::string session_key(const std::string& pair, const TransferTask& task) {
  TransferTask identity = task;
  identity.batch = Batch{};
  return str(pair, '\0', encode(identity));
}

Hello bulk_hello(const PairConfig& pair, const TransferTask& task) {
  Hello hello;
  hello.build = TWSYNC_VERSION;
  hello.role = AgentRole::bulk;
  hello.root = pair.deploy.path;
  hello.pair_id = task.pair_id;
  hello.hash_key = task.hash_key;
  hello.preserve_owner = task.preserve_owner;
  hello.preserve_xattrs = task.preserve_xattrs;
  hello.preserve_setuid = task.preserve_setuid;
  return hello;
}

Envelope answer(MessageType type, const std::string& pair, const std::string& task) {
  Envelope envelope;
  envelope.type = type;
  envelope.service = std::string(kTransferService);
  envelope.pair = pair;
  envelope.id = task;
  return envelope;
}

}  // namespace

TransferWorker::TransferWorker(Clock& clock, PairLookup find_pair, Connector connector, TransferWorkerOptions options)
    : clock_(clock), find_pair_(std::move(find_pair)), connector_(std::move(connector)), options_(std::move(options)) {}

TransferWorker::~TransferWorker() {
  sessions_.clear();
  ending_.clear();
}

Result<std::unique_ptr<TransferWorker>> TransferWorker::open(ZmqContext& context, const BrokerEndpoints& endpoints,
                                                             Clock& clock, PairLookup find_pair, Connector connector,
                                                             TransferWorkerOptions options) {
  WorkerReady ready;
  ready.service = std::string(kTransferService);
  ready.pairs = options.pairs;
  ready.credit = kCredit;
  ready.pid = static_cast<uint32_t>(::getpid());
  ready.version = TWSYNC_VERSION;
  std::unique_ptr<TransferWorker> worker(
      new TransferWorker(clock, std::move(find_pair), std::move(connector), std::move(options)));
  SYNC_ASSIGN(worker->link_, WorkerLink::connect(context, endpoints, std::move(ready), clock));
  return worker;
}

Status TransferWorker::run(const std::atomic<bool>& stop) {
  while (!stop) {
    const int look_ms = next_look_ms();
    const int turn_ms = options_.each_turn ? options_.each_turn(link_->known()) : -1;
    SYNC_TRY(step(look_ms < 0 || turn_ms < 0 ? std::max(look_ms, turn_ms) : std::min(look_ms, turn_ms)));
  }
  return {};
}

void TransferWorker::wake() {
  link_->wake();
}

Status TransferWorker::step(int timeout_ms) {
  SYNC_ASSIGN(const std::optional<Message> message, link_->poll(timeout_ms));
  if (link_->take_reconnected()) close_sessions("the broker was restarted: its tasks are void");
  if (message) take(*message);
  look_after_sessions();
  return {};
}

void TransferWorker::take(const Message& message) {
  switch (message.envelope.type) {
    case MessageType::task:
      return take_task(message);
    case MessageType::task_cancel:
      for (auto& [key, served] : sessions_) served.session->cancel(message.envelope.id);
      return;
    default:
      return;  // heartbeats are the link's; credit is for streamed results, of which a transfer has none
  }
}

void TransferWorker::take_task(const Message& message) {
  Result<TransferTask> task = decode<TransferTask>(message.body);
  const Status taken = task.ok() ? submit(message, std::move(*task)) : Status(task.error());
  if (taken.ok()) return show_doing();
  link_->post(answer(MessageType::task_failed, message.envelope.pair, message.envelope.id), encode(taken.error()));
}

Status TransferWorker::submit(const Message& message, TransferTask task) {
  const std::string& pair = message.envelope.pair;
  Served& served = sessions_[session_key(pair, task)];
  served.pair = pair;
  served.idle_since_ns = 0;
  if (served.session && served.session->submit(message.envelope.id, std::move(task.batch)).ok()) return {};
  // None yet, or one that is ending and still has to finish what it holds.
  if (served.session) ending_.push_back({std::move(served.session), pair, 0});
  const std::optional<PairConfig> config = find_pair_(pair);
  if (!config) {
    sessions_.erase(session_key(pair, task));
    return Error{ErrorCode::not_found, str("there is no pair \"", escape_bytes(pair), "\""), {}, 0};
  }
  served.session = open_session(*config, task);
  return served.session->submit(message.envelope.id, std::move(task.batch));
}

std::unique_ptr<TransferSession> TransferWorker::open_session(const PairConfig& pair, const TransferTask& task) {
  TransferSessionOptions options;
  options.code_root.root = pair.code_path;
  options.code_root.pair_id = task.pair_id;
  options.code_root.side = Side::code;
  options.code_root.hash_key = task.hash_key;
  options.code_root.preserve_owner = task.preserve_owner;
  options.code_root.preserve_xattrs = task.preserve_xattrs;
  options.code_root.preserve_setuid = task.preserve_setuid;
  if (pair.bandwidth_limit > 0) {
    // The limit is the pair's: each of its workers gets its share.
    options.bytes_per_second = std::max<uint64_t>(1, pair.bandwidth_limit / std::max(1U, pair.transfer_workers));
  }
  auto open = [connector = connector_, pair, hello = bulk_hello(pair, task)] {
    return connector(pair, AgentRole::bulk, hello);
  };
  return std::make_unique<TransferSession>(std::move(options), std::move(open), events(pair.name), clock_);
}

TransferEvents TransferWorker::events(const std::string& pair) {
  WorkerLink* link = link_.get();
  TransferEvents events;
  events.done = [link, pair](const std::string& task, BatchResult result) {
    link->post(answer(MessageType::task_done, pair, task), encode(result));
    link->wake();
  };
  events.failed = [link, pair](const std::string& task, const Error& error) {
    link->post(answer(MessageType::task_failed, pair, task), encode(error));
    link->wake();
  };
  events.progress = [link, pair](const std::string& task, uint64_t wire_bytes) {
    link->post(answer(MessageType::task_data, pair, task), encode(TransferProgress{wire_bytes}));
    link->wake();
  };
  return events;
}

void TransferWorker::close_sessions(const char* why) {
  for (auto& [key, served] : sessions_) {
    served.session->close(Error{ErrorCode::cancelled, why, {}, 0});
    ending_.push_back(std::move(served));
  }
  sessions_.clear();
}

void TransferWorker::look_after_sessions() {
  const int64_t now = clock_.steady_ns();
  bool closed = false;
  std::erase_if(ending_, [](const Served& served) { return served.session->finished(); });
  for (auto item = sessions_.begin(); item != sessions_.end();) {
    Served& served = item->second;
    const bool idle = served.session->idle();
    if (!idle || served.idle_since_ns == 0) served.idle_since_ns = idle ? now : 0;
    const bool too_long = idle && now - served.idle_since_ns >= options_.idle_close_ms * kMillisecond;
    closed = closed || too_long;
    item = served.session->finished() || too_long ? sessions_.erase(item) : std::next(item);
  }
  if (closed) return_free_memory();
  show_doing();
}

/// Sessions with something under way wake us by themselves.
int TransferWorker::next_look_ms() const {
  if (!ending_.empty()) return kLookAgainMs;
  int64_t until = INT64_MAX;
  for (const auto& [key, served] : sessions_) {
    if (served.session->finished()) return kLookAgainMs;
    if (served.idle_since_ns != 0)
      until = std::min(until, served.idle_since_ns + options_.idle_close_ms * kMillisecond);
  }
  if (until == INT64_MAX) return -1;
  const int64_t left = std::max<int64_t>(0, until - clock_.steady_ns());
  return static_cast<int>(std::min<int64_t>(left / kMillisecond + 1, INT_MAX));
}

void TransferWorker::show_doing() {
  std::string doing;
  for (const auto& [key, served] : sessions_) {
    if (!served.session->idle()) doing += str(doing.empty() ? "carrying batches of " : ", ", served.pair);
  }
  link_->set_doing(doing.empty() ? "idle" : doing);
}

}  // namespace twsync
