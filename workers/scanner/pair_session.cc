#include "workers/scanner/pair_session.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "workers/scanner/ignore_file.h"

namespace twsync {

namespace {

ChunkOut chunks_to(TaskOutput& output) {
  return [&output](const ScanChunk& chunk) { return output.send(encode(chunk)); };
}

bool covers_ignore_file(const std::vector<Scope>& scopes) {
  return std::any_of(scopes.begin(), scopes.end(),
                     [](const Scope& s) { return (s.recursive && s.path.empty()) || s.path == kIgnoreFile; });
}

}  // namespace

PairSession::PairSession(PairConfig config, ScanSides sides, WatchSinks sinks, Clock& clock)
    : config_(std::move(config)), sides_(std::move(sides)), sinks_(std::move(sinks)), clock_(clock), thread_([this] {
        run();
      }) {}

PairSession::~PairSession() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void PairSession::submit(ScanTask task, std::shared_ptr<TaskOutput> output) {
  const std::lock_guard lock(mutex_);
  jobs_.push_back({std::move(task), std::move(output)});
  changed_.notify_all();
}

void PairSession::run() {
  for (;;) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return stopping_ || !jobs_.empty(); });
    if (stopping_) break;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    auto result = perform(job.task, *job.output);
    if (result) {
      job.output->done(std::move(result).value());
      continue;
    }
    if (is_fatal(result.error())) {
      if (sinks_.state) sinks_.state("catching up: " + result.error().message);
      code_.reset();
      deploy_.reset();
    }
    job.output->failed(result.error());
  }
  for (auto& job : jobs_) job.output->failed({ErrorCode::cancelled, "the scanner is stopping", {}, 0});
}

Result<std::string> PairSession::perform(const ScanTask& task, TaskOutput& output) {
  switch (task.kind) {
    case ScanTaskKind::open:
      return open(task);
    case ScanTaskKind::claim:
      return claim(task);
    case ScanTaskKind::scan:
      return scan(task, output);
    case ScanTaskKind::digest:
      return digest(task, output);
    case ScanTaskKind::flush:
      return flush(task);
    case ScanTaskKind::cookie:
      return cookie(task);
    case ScanTaskKind::tend:
      return tend(task);
    case ScanTaskKind::restore:
      break;
  }
  return Error{ErrorCode::peer_violation, "unknown scan task", {}, 0};
}

Status PairSession::ensure_sides(const ScanTask& task) {
  if (code_ && deploy_) return {};
  if (task.kind != ScanTaskKind::open) {
    return Error{ErrorCode::stale, "the sides of this pair are not open", {}, 0};
  }
  SideOptions options;
  options.pair_id = task.pair_id;
  options.hash_key = task.hash_key;
  options.preserve_owner = config_.preserve_owner != 0 && geteuid() == 0;
  options.preserve_xattrs = config_.preserve_xattrs;
  options.on_hints = sinks_.hints;
  options.on_watch_state = sinks_.state;
  ignores_known_ = false;
  odd_rules_.clear();
  alone_ = false;
  SYNC_ASSIGN(code_, sides_.code(config_, options));
  // Who watches arms the watch before the first listing.
  if (task.whole_next && !sinks_.hints) list_ahead(task, options);
  auto deploy = sides_.deploy(config_, options);
  if (!deploy) {
    early_.reset();
    code_.reset();
    return std::move(deploy).error();
  }
  deploy_ = std::move(deploy).value();
  return {};
}

/// A login takes as long as listing some ten thousand files. Under the lock of the code root, so that nobody else's run
/// comes between the listing and what it is compared with; by rules that may prove wrong, and then it is listed again.
void PairSession::list_ahead(const ScanTask& task, const SideOptions& options) {
  if (!code_->reserve(task.pair_id, task.holder).ok()) return;
  auto ignored = read_ignore_file(*code_, Side::code);
  auto reader = sides_.code(config_, options);
  if (!ignored || !reader) return;
  code_ignore_ = deploy_ignore_ = std::move(ignored->lines);
  ScanTask ahead = task;
  ahead.preserve_owner = options.preserve_owner;
  early_ = std::make_unique<EarlyListing>(std::move(reader).value(),
                                          list_request({{"", true}}, rules_of(ahead), Side::code));
}

Result<std::string> PairSession::open(const ScanTask& task) {
  // A controller that opens again has lost its state: the locks of before go first.
  early_.reset();
  code_.reset();
  deploy_.reset();
  SYNC_TRY(ensure_sides(task));
  OpenDone done;
  SYNC_ASSIGN(done.code, code_->facts());
  const int64_t before = clock_.wall_ns();
  SYNC_ASSIGN(done.deploy, deploy_->facts());
  const int64_t after = clock_.wall_ns();
  deploy_own_ = done.deploy.own_paths;
  done.skew_ns = done.deploy.wall_ns - (before + (after - before) / 2);
  return encode(done);
}

Result<std::string> PairSession::flush(const ScanTask& task) {
  SYNC_TRY(ensure_sides(task));
  Status deploy;
  std::thread other([&] { deploy = deploy_->flush(); });
  const Status code = code_->flush();
  other.join();
  SYNC_TRY(code);
  SYNC_TRY(deploy);
  return std::string{};
}

std::vector<std::string> PairSession::deploy_never() const {
  std::vector<std::string> out = config_.deploy_never;
  out.insert(out.end(), deploy_own_.begin(), deploy_own_.end());
  return out;
}

Result<std::string> PairSession::cookie(const ScanTask& task) {
  SYNC_TRY(ensure_sides(task));
  SYNC_TRY(deploy_->cookie());
  return std::string{};
}

Status PairSession::watch_deploy() {
  WatchRequest request;
  request.exclude = config_.exclude;
  request.ignore_lines = code_ignore_;
  request.ignore_split = static_cast<uint32_t>(code_ignore_.size());
  request.ignore_lines.insert(request.ignore_lines.end(), deploy_ignore_.begin(), deploy_ignore_.end());
  request.never = config_.code_never;
  const std::vector<std::string> there = deploy_never();
  request.never.insert(request.never.end(), there.begin(), there.end());
  request.source = static_cast<uint8_t>(config_.watch);
  sinks_.state("catching up");  // before the watch there says how it is
  const Status watching = deploy_->watch(request);
  if (!watching.ok() && is_fatal(watching.error())) return watching;
  // Without a watch the changes there still arrive by rescans.
  if (!watching.ok()) sinks_.state("degraded: " + watching.error().message);
  return {};
}

Status PairSession::refresh_ignores(const ScanTask& task) {
  const auto refresh = [&](Side side, SideReader& reader, std::vector<std::string>& lines) -> Status {
    auto now = read_ignore_file(reader, side);
    if (!now && ignores_known_ && now.error().code == ErrorCode::guard) {
      // Nobody has taken the rules of before back.
      odd_rules_.push_back({ErrorCode::guard, now.error().message, kIgnoreFile, now.error().sys_errno});
      return {};
    }
    if (!now) return std::move(now).error();
    if (now->odd) odd_rules_.push_back(std::move(*now->odd));
    rules_changed_ = rules_changed_ || (ignores_known_ && now->lines != lines);
    lines = std::move(now->lines);
    return {};
  };
  const bool known = ignores_known_;
  if (!known || covers_ignore_file(task.code)) SYNC_TRY(refresh(Side::code, *code_, code_ignore_));
  if (!known || covers_ignore_file(task.deploy)) SYNC_TRY(refresh(Side::deploy, *deploy_, deploy_ignore_));
  ignores_known_ = true;
  return {};
}

ScanRules PairSession::rules_of(const ScanTask& task) const {
  ScanRules rules;
  rules.exclude = config_.exclude;
  rules.exclude.insert(rules.exclude.end(), task.exclude.begin(), task.exclude.end());
  rules.code_ignore = code_ignore_;
  rules.deploy_ignore = deploy_ignore_;
  rules.never[0] = config_.code_never;
  rules.never[1] = deploy_never();
  rules.policy.preserve_owner = task.preserve_owner;
  rules.policy.preserve_xattrs = config_.preserve_xattrs;
  rules.policy.code_doubt = task.code_doubt;
  rules.policy.deploy_doubt = task.deploy_doubt;
  rules.base_path = config_.state_dir + "/base.db";
  rules.ranges_dir = config_.state_dir;
  rules.now_ns = clock_.wall_ns();
  return rules;
}

Result<std::string> PairSession::scan(const ScanTask& task, TaskOutput& output) {
  SYNC_TRY(ensure_sides(task));
  SYNC_TRY(refresh_ignores(task));
  if (rules_changed_ && sinks_.hints) SYNC_TRY(watch_deploy());
  const ScanRules rules = rules_of(task);
  Result<SideScanOutcome> deploy = SideScanOutcome{};
  std::thread other([&] { deploy = scan_side(Side::deploy, *deploy_, task.deploy, rules, chunks_to(output)); });
  Result<SideScanOutcome> code = scan_side(Side::code, *code_, task.code, rules, chunks_to(output), std::move(early_));
  other.join();
  if (!code) return std::move(code).error();
  if (!deploy) return std::move(deploy).error();

  ScanDone done;
  done.code = std::move(code->summary);
  done.deploy = std::move(deploy->summary);
  done.bad_patterns = std::move(code->bad_patterns);
  done.ignored_rows = std::move(code->ignored_rows);
  done.odd_rules = std::exchange(odd_rules_, {});
  done.rules_changed = std::exchange(rules_changed_, false);
  done.ignored_rows.insert(done.ignored_rows.end(), deploy->ignored_rows.begin(), deploy->ignored_rows.end());
  return encode(done);
}

Result<std::string> PairSession::tend(const ScanTask& task) {
  SYNC_TRY(ensure_sides(task));
  const TendRequest request{config_.versions_keep_days, config_.versions_keep_bytes};
  const auto ask = [&request](SideReader& side) -> TendReply {
    auto reply = side.tend(request);
    if (reply) return std::move(*reply);
    TendReply failed;
    failed.error = reply.error();
    return failed;
  };
  TendDone done;
  std::thread other([&] { done.deploy = ask(*deploy_); });
  done.code = ask(*code_);
  other.join();
  if (is_fatal(done.deploy.error)) return done.deploy.error;
  return encode(done);
}

Result<std::string> PairSession::digest(const ScanTask& task, TaskOutput& output) {
  SYNC_TRY(ensure_sides(task));
  Status deploy;
  std::thread other([&] { deploy = digest_paths(Side::deploy, *deploy_, task.deploy_paths, chunks_to(output)); });
  const Status code = digest_paths(Side::code, *code_, task.code_paths, chunks_to(output));
  other.join();
  SYNC_TRY(code);
  SYNC_TRY(deploy);
  return std::string{};
}

}  // namespace twsync
