// apply_bench SOURCE TARGET [batch-files]: lists SOURCE, makes batches of it, sends and applies them to the empty
// directory TARGET in this process, and prints what each phase took. For tuning; not a test.

#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "common/fs/applier.h"
#include "common/fs/local_side.h"

namespace twsync {
namespace {

using Clock_ = std::chrono::steady_clock;

double since(Clock_::time_point start) {
  return std::chrono::duration<double>(Clock_::now() - start).count();
}

struct Collected {
  std::vector<Operation> structure;
  std::vector<Operation> content;
  std::vector<Operation> directories;
  uint64_t bytes = 0;
};

void add(Collected& out, PathEntry&& item) {
  if (item.path.empty() || item.entry.kind == Kind::other) return;
  Operation op;
  op.path = std::move(item.path);
  op.desired = std::move(item.entry);
  op.side = Side::deploy;
  if (op.desired.is_directory()) {
    op.kind = OpKind::make_directory;
    op.stage = OpStage::structure;
    Operation last = op;
    last.kind = OpKind::set_metadata;
    last.stage = OpStage::directory_metadata;
    last.expected.kind = Kind::directory;
    out.directories.push_back(std::move(last));
    out.structure.push_back(std::move(op));
    return;
  }
  op.kind = op.desired.is_file() ? OpKind::put_file : OpKind::put_symlink;
  out.bytes += op.desired.size;
  out.content.push_back(std::move(op));
}

class Run {
 public:
  Run(const RootOptions& source, const RootOptions& target) : source_(source) {
    auto applier = Applier::open(target, clock_, [this](BatchResult r) { on_result(r); });
    if (!applier) fail(applier.error());
    applier_ = std::move(applier).value();
    auto sender = Sender::open(source);
    if (!sender) fail(sender.error());
    sender_ = std::move(sender).value();
  }

  void phase(const char* name, std::vector<Operation>& operations, size_t batch_files, uint64_t batch_bytes) {
    const auto start = Clock_::now();
    for (size_t at = 0; at < operations.size();) {
      Batch batch;
      batch.id = ++batches_;
      batch.side = Side::deploy;
      batch.scanned_ns = clock_.wall_ns();
      uint64_t bytes = 0;
      for (; at < operations.size() && batch.operations.size() < batch_files && bytes < batch_bytes; ++at) {
        bytes += operations[at].desired.size;
        operations[at].id = static_cast<uint32_t>(at);
        batch.operations.push_back(std::move(operations[at]));
      }
      const Batch copy = batch;
      check(applier_->begin(std::move(batch)));
      check(sender_->send(copy, [this](std::string block) {
        wire_ += block.size();
        return applier_->content(std::move(block));
      }));
      check(applier_->end());
    }
    const double sent = since(start);
    check(applier_->drain());
    const double all = since(start);
    std::printf("%-12s %7zu operations  sent %.2f s  applied %.2f s  (%.0f/s)\n", name, operations.size(), sent, all,
                static_cast<double>(operations.size()) / all);
  }

  uint64_t wire() const { return wire_; }
  size_t failed() const { return failed_; }

 private:
  [[noreturn]] static void fail(const Error& error) {
    std::fprintf(stderr, "apply_bench: %s\n", describe(error).c_str());
    std::exit(1);
  }
  static void check(const Status& status) {
    if (!status.ok()) fail(status.error());
  }
  void on_result(const BatchResult& result) {
    for (const OpResult& one : result.results) {
      if (one.code == ErrorCode::ok) continue;
      if (failed_++ < 5) std::fprintf(stderr, "failed: %u %s %s\n", one.id, to_string(one.code), one.message.c_str());
    }
  }

  RootOptions source_;
  SystemClock clock_;
  std::unique_ptr<Applier> applier_;
  std::unique_ptr<Sender> sender_;
  uint64_t wire_ = 0;
  uint64_t batches_ = 0;
  size_t failed_ = 0;
};

int bench(const char* from, const char* to, size_t batch_files) {
  ::mkdir(to, 0755);
  RootOptions source{from, "bench", Side::code, {}, ::getenv("BENCH_OWNER") != nullptr, false};
  RootOptions target{to, "bench", Side::deploy, {}, source.preserve_owner, false};
  SystemClock clock;
  SystemHostFacts host;
  const auto start = Clock_::now();
  Collected work;
  {
    auto side = LocalSide::open(source, clock, host);
    if (!side) return 1;
    ListRequest request;
    request.scopes.push_back({"", true});
    const auto end = (*side)->list(request, [&](std::vector<PathEntry>&& chunk) -> Status {
      for (PathEntry& item : chunk) add(work, std::move(item));
      return {};
    });
    if (!end) return 1;
  }
  std::printf("list         %7zu entries     %.2f s\n", work.content.size() + work.structure.size(), since(start));
  std::reverse(work.directories.begin(), work.directories.end());
  {
    Run run(source, target);
    run.phase("structure", work.structure, batch_files, UINT64_MAX);
    run.phase("content", work.content, batch_files, 32U << 20U);
    run.phase("directories", work.directories, batch_files, UINT64_MAX);
    std::printf("failed %zu, %.1f MB of content, %.1f MB on the wire\n", run.failed(),
                static_cast<double>(work.bytes) / 1e6, static_cast<double>(run.wire()) / 1e6);
  }
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  std::printf("total %.2f s, user %.2f s, system %.2f s, %ld MB resident\n", since(start),
              static_cast<double>(usage.ru_utime.tv_sec) + static_cast<double>(usage.ru_utime.tv_usec) / 1e6,
              static_cast<double>(usage.ru_stime.tv_sec) + static_cast<double>(usage.ru_stime.tv_usec) / 1e6,
              usage.ru_maxrss / 1024);
  return 0;
}

}  // namespace
}  // namespace twsync

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: apply_bench SOURCE TARGET [files per batch]\n");
    return 2;
  }
  return twsync::bench(argv[1], argv[2], argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 1000);
}
