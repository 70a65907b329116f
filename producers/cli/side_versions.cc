#include "producers/cli/side_versions.h"

#include <sys/stat.h>

#include <algorithm>

#include "common/base/text.h"
#include "common/fs/state_dir.h"
#include "producers/cli/base_facts.h"
#include "producers/cli/pair_sides.h"
#include "workers/agent/history.h"

namespace twsync {

namespace {

constexpr uint32_t kPage = 5'000;
constexpr size_t kPiece = 1U << 20U;

class CodeVersions final : public SideVersions {
 public:
  static Result<std::unique_ptr<SideVersions>> open(const PairConfig& pair, const BaseMeta& meta) {
    auto out = std::unique_ptr<CodeVersions>(new CodeVersions);
    SYNC_ASSIGN(out->side_, open_code_side(pair, meta, out->clock_, out->host_));
    SYNC_ASSIGN(out->history_, History::open(code_root_options(pair, meta), *out->side_, out->clock_));
    return std::unique_ptr<SideVersions>(std::move(out));
  }
  Result<VersionsReply> page(const VersionsRequest& request) override { return history_->versions(request); }
  Result<RestoreTreeReply> restore_tree(const RestoreTreeRequest& request) override {
    return history_->restore_tree(request);
  }
  Status read(const std::vector<StoredFile>& files, const PieceSink& sink) override {
    for (size_t i = 0; i < files.size(); ++i) {
      for (uint64_t offset = 0;;) {
        SYNC_ASSIGN(const std::string bytes, history_->read({files[i].version, offset, kPiece}));
        SYNC_TRY(sink(i, bytes));
        offset += bytes.size();
        if (bytes.size() < kPiece) break;
      }
    }
    return {};
  }

 private:
  CodeVersions() = default;
  SystemClock clock_;
  SystemHostFacts host_;
  std::unique_ptr<LocalSide> side_;
  std::unique_ptr<History> history_;
};

class DeployVersions final : public SideVersions {
 public:
  explicit DeployVersions(std::unique_ptr<RemoteSide> side) : side_(std::move(side)) {}
  Result<VersionsReply> page(const VersionsRequest& request) override { return side_->versions(request); }
  Result<RestoreTreeReply> restore_tree(const RestoreTreeRequest& request) override {
    return side_->restore_tree(request);
  }
  Status read(const std::vector<StoredFile>& files, const PieceSink& sink) override {
    return side_->read_versions(files, sink);
  }

 private:
  std::unique_ptr<RemoteSide> side_;
};

}  // namespace

Status SideVersions::for_each(const std::string& path, const std::function<Status(VersionInfo&&)>& use) {
  VersionsRequest request{path, kPage, {}};
  for (;;) {
    SYNC_ASSIGN(VersionsReply reply, page(request));
    if (reply.versions.empty()) return {};
    const std::string last = reply.versions.back().id;
    for (VersionInfo& version : reply.versions) SYNC_TRY(use(std::move(version)));
    // An agent that knows no pages sends the first one again.
    if (!reply.more || (!request.before.empty() && last >= request.before)) return {};
    request.before = last;
  }
}

Result<std::unique_ptr<SideVersions>> open_versions(const CliContext& context, const PairConfig& pair, Side side) {
  SYNC_ASSIGN(auto base, open_base(pair));
  if (!base) return std::unique_ptr<SideVersions>();
  SYNC_ASSIGN(const BaseMeta meta, pair_facts(pair));
  if (side == Side::deploy) {
    SYNC_ASSIGN(auto remote, open_deploy_side(context, pair, meta));
    return std::unique_ptr<SideVersions>(std::make_unique<DeployVersions>(std::move(remote)));
  }
  struct stat info {};
  if (::lstat(str(pair.code_path, "/", kStateName, "/", meta.pair_id).c_str(), &info) != 0)
    return std::unique_ptr<SideVersions>();
  return CodeVersions::open(pair, meta);
}

}  // namespace twsync
