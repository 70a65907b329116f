#pragma once
// Two roots, batches between them, and what their tasks came to.

#include <condition_variable>
#include <map>
#include <mutex>

#include "common/fs/local_side.h"
#include "tests/integration/agent_support.h"
#include "workers/transfer/transfer_session.h"

namespace twsync::agent_test {

constexpr auto kPatience = std::chrono::seconds(120);

/// What the tasks of a session came to.
class Outcomes {
 public:
  TransferEvents events() {
    return {[this](const std::string& task, BatchResult result) {
              const std::lock_guard lock(mutex_);
              EXPECT_TRUE(done_.emplace(task, std::move(result)).second) << "told twice: " << task;
              changed_.notify_all();
            },
            [this](const std::string& task, const Error& error) {
              const std::lock_guard lock(mutex_);
              EXPECT_TRUE(failed_.emplace(task, error).second) << "told twice: " << task;
              changed_.notify_all();
            }};
  }
  bool wait(size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return done_.size() + failed_.size() >= count; });
  }
  // Only after wait().
  std::map<std::string, BatchResult> done_;
  std::map<std::string, Error> failed_;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
};

inline Entry entry_at(LocalSide& side, const std::string& path) {
  Result<DigestReply> read = side.digest({{path}});
  EXPECT_TRUE(read.ok());
  return read->entries.at(0).entry;
}

class Transfer : public testing::Test {
 protected:
  void SetUp() override {
    code_side_ = claimed(code_.path(), Side::code);
    deploy_side_ = claimed(deploy_.path(), Side::deploy);
  }

  std::unique_ptr<LocalSide> claimed(const std::string& root, Side side) {
    RootOptions options;
    options.root = root;
    options.pair_id = kPair;
    options.side = side;
    options.hash_key = test_key();
    Result<std::unique_ptr<LocalSide>> opened = LocalSide::open(options, clock_, host_);
    EXPECT_TRUE(opened.ok());
    Claim claim;
    claim.marker = {kPair, side, 1};
    claim.holder = "test";
    claim.hash_key = test_key();
    EXPECT_TRUE((*opened)->claim(claim).ok());
    return std::move(*opened);
  }

  TransferSessionOptions options() const {
    TransferSessionOptions options;
    options.code_root.root = code_.path();
    options.code_root.pair_id = kPair;
    options.code_root.hash_key = test_key();
    return options;
  }

  TransferSession::Open child() const {
    return [root = deploy_.path()]() -> Result<std::unique_ptr<Connection>> {
      SYNC_ASSIGN(Greeted greeted, greet(test_hello(AgentRole::bulk, root)));
      return std::move(greeted.connection);
    };
  }

  Batch batch(Side side) {
    Batch made;
    made.id = next_batch_++;
    made.epoch = 1;
    made.cycle = 1;
    made.side = side;
    made.scanned_ns = clock_.wall_ns();
    return made;
  }

  /// "Carry the file that the other side has at `path`."
  void put(Batch& to, const std::string& path) {
    Operation& op = to.operations.emplace_back();
    op.id = next_op_++;
    op.kind = OpKind::put_file;
    op.side = to.side;
    op.path = path;
    LocalSide& source = to.side == Side::deploy ? *code_side_ : *deploy_side_;
    op.desired = entry_at(source, path);
    op.expected = entry_at(to.side == Side::deploy ? *deploy_side_ : *code_side_, path);
  }

  void make_directory(Batch& to, const std::string& path) {
    Operation& op = to.operations.emplace_back();
    op.id = next_op_++;
    op.kind = OpKind::make_directory;
    op.stage = OpStage::structure;
    op.side = to.side;
    op.path = path;
    op.desired.kind = Kind::directory;
    op.desired.mode = 0755;
  }

  TempRoot code_, deploy_;
  SystemClock clock_;
  SystemHostFacts host_;
  std::unique_ptr<LocalSide> code_side_, deploy_side_;
  uint64_t next_batch_ = 100;
  uint32_t next_op_ = 0;
};

inline size_t failures(const BatchResult& result) {
  size_t count = 0;
  for (const OpResult& one : result.results) count += one.code != ErrorCode::ok ? 1 : 0;
  return count;
}

}  // namespace twsync::agent_test
