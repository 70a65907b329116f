// The control role over a real child agent: what RemoteSide says is what LocalSide says.
#include <algorithm>
#include <mutex>

#include "common/base/rel_path.h"
#include "common/fs/local_side.h"
#include "common/model/watch_source.h"
#include "tests/integration/agent_support.h"
#include "workers/agent/remote_side.h"

namespace twsync::agent_test {
namespace {

Result<std::unique_ptr<RemoteSide>> open_remote(const std::string& root, const std::vector<std::string>& more = {}) {
  SYNC_ASSIGN(Greeted greeted, greet(test_hello(AgentRole::control, root), more));
  return std::make_unique<RemoteSide>(std::move(greeted.connection), std::move(greeted.reply));
}

std::unique_ptr<LocalSide> open_local(const std::string& root) {
  static SystemClock clock;
  static SystemHostFacts host;
  RootOptions options;
  options.root = root;
  options.side = Side::deploy;
  options.hash_key = test_key();
  Result<std::unique_ptr<LocalSide>> side = LocalSide::open(options, clock, host);
  EXPECT_TRUE(side.ok());
  return std::move(*side);
}

struct Listed {
  std::vector<std::string> entries;  // encoded: every field counts
  std::vector<std::string> paths;
  ListEnd end;
};

Listed list_all(SideReader& side, const ListRequest& request) {
  Listed listed;
  Result<ListEnd> end = side.list(request, [&](std::vector<PathEntry>&& entries) -> Status {
    for (const PathEntry& entry : entries) {
      listed.entries.push_back(encode(entry));
      listed.paths.push_back(entry.path);
    }
    return {};
  });
  EXPECT_TRUE(end.ok()) << describe(end.error());
  if (end.ok()) listed.end = std::move(*end);
  return listed;
}

ListRequest everything() {
  ListRequest request;
  request.scopes = {{"", true}};
  return request;
}

Claim test_claim(const std::string& holder) {
  Claim claim;
  claim.marker = {kPair, Side::deploy, 1};
  claim.holder = holder;
  claim.hash_key = test_key();
  return claim;
}

void make_tree(const TempRoot& root) {
  for (int i = 0; i < 1'200; ++i)
    root.write("many/d" + std::to_string(i % 37) + "/f" + std::to_string(i), std::to_string(i));
  root.write("odd/new\nline", "1");
  root.write("odd/\xff\xfe", "2");
  root.write("odd/-rf", "3");
  root.write("build/out.o", "4");
  root.write("keep.txt", "5");
  std::filesystem::create_directories(root.at("empty/deep"));
  std::filesystem::create_symlink("nowhere", root.at("dangling"));
  std::filesystem::create_directory_symlink("/etc", root.at("outside"));
  ::chmod(root.at("keep.txt").c_str(), 0751);
  ::mkfifo(root.at("pipe").c_str(), 0600);
}

TEST(AgentControl, ListsWhatLocalSideLists) {
  TempRoot root;
  make_tree(root);
  auto remote = open_remote(root.path());
  ASSERT_TRUE(remote.ok()) << describe(remote.error());
  ListRequest request = everything();
  request.exclude = {"build/"};
  const Listed there = list_all(**remote, request);
  const Listed here = list_all(*open_local(root.path()), request);
  EXPECT_GT(there.entries.size(), 1'200U);
  EXPECT_EQ(there.paths, here.paths);
  EXPECT_EQ(there.entries, here.entries);
  EXPECT_EQ(there.end.ignored, here.end.ignored);
  EXPECT_EQ(there.end.error.code, ErrorCode::ok);
  EXPECT_GT(there.end.started_ns, 0);
}

TEST(AgentControl, ListsARealTreeWithoutWritingToIt) {
  auto remote = open_remote("/usr/include");
  ASSERT_TRUE(remote.ok()) << describe(remote.error());
  const Listed there = list_all(**remote, everything());
  const Listed here = list_all(*open_local("/usr/include"), everything());
  EXPECT_GT(there.entries.size(), 1'000U);
  EXPECT_EQ(there.entries, here.entries);
  EXPECT_FALSE(std::filesystem::exists("/usr/include/.twsync"));
}

TEST(AgentControl, ListsManyScopesInOneOrder) {
  TempRoot root;
  make_tree(root);
  auto remote = open_remote(root.path());
  ASSERT_TRUE(remote.ok());
  ListRequest request;
  for (int i = 0; i < 30'000; ++i) {
    request.scopes.push_back(
        {"many/d" + std::to_string(i % 37) + "/f" + std::to_string(i) + std::string(60, i < 1'200 ? '_' : 'x'), false});
  }
  for (int i = 0; i < 1'200; ++i)
    request.scopes.push_back({"many/d" + std::to_string(i % 37) + "/f" + std::to_string(i), false});
  std::sort(request.scopes.begin(), request.scopes.end(),
            [](const Scope& a, const Scope& b) { return compare_paths(a.path, b.path) < 0; });
  const Listed there = list_all(**remote, request);  // more than one request's worth of paths
  EXPECT_EQ(there.paths.size(), 1'200U);
  EXPECT_TRUE(std::is_sorted(there.paths.begin(), there.paths.end(), PathLess{}));
}

TEST(AgentControl, ARefusingSinkLeavesTheSessionUsable) {
  TempRoot root;
  make_tree(root);
  auto remote = open_remote(root.path());
  ASSERT_TRUE(remote.ok());
  const Result<ListEnd> refused = (*remote)->list(everything(), [](std::vector<PathEntry>&&) -> Status {
    return Error{ErrorCode::no_space, "full", {}, 0};
  });
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::no_space);
  EXPECT_TRUE((*remote)->facts().ok());
}

TEST(AgentControl, DigestsWhatLocalSideDigests) {
  TempRoot root;
  make_tree(root);
  auto remote = open_remote(root.path());
  ASSERT_TRUE(remote.ok());
  DigestRequest request;
  for (int i = 0; i < 1'200; ++i) request.paths.push_back("many/d" + std::to_string(i % 37) + "/f" + std::to_string(i));
  request.paths.push_back("missing");
  const Result<DigestReply> there = (*remote)->digest(request);
  const Result<DigestReply> here = open_local(root.path())->digest(request);
  ASSERT_TRUE(there.ok()) << describe(there.error());
  EXPECT_EQ(encode(there->entries), encode(here->entries));
  EXPECT_TRUE(there->entries.front().entry.digest.known());
  EXPECT_FALSE(there->entries.back().entry.exists());
}

TEST(AgentControl, ReadsSmallFilesOnly) {
  TempRoot root;
  root.write(".twsyncignore", "*.o\n");
  root.write("large", std::string((1U << 20U) + 1, 'x'));
  auto remote = open_remote(root.path());
  ASSERT_TRUE(remote.ok());
  EXPECT_EQ(*(*remote)->read_small(".twsyncignore"), "*.o\n");
  EXPECT_EQ((*remote)->read_small("missing").error().code, ErrorCode::not_found);
  EXPECT_FALSE((*remote)->read_small("large").ok());
}

TEST(AgentControl, TellsFacts) {
  TempRoot root;
  auto remote = open_remote(root.path());
  ASSERT_TRUE(remote.ok());
  const Result<SideFacts> facts = (*remote)->facts();
  ASSERT_TRUE(facts.ok());
  EXPECT_EQ(facts->root_path, root.path());
  EXPECT_TRUE(facts->own_paths.empty());
  EXPECT_TRUE(facts->root_empty);
  EXPECT_TRUE(facts->markers.empty());
  EXPECT_FALSE(std::filesystem::exists(root.at(".twsync")));
}

TEST(AgentControl, ASecondControllerIsRefusedByName) {
  TempRoot root;
  auto first = open_remote(root.path());
  auto second = open_remote(root.path());
  ASSERT_TRUE(first.ok() && second.ok());
  ASSERT_TRUE((*first)->claim(test_claim("the first one")).ok());
  const Status refused = (*second)->claim(test_claim("the second one"));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::busy);
  EXPECT_NE(refused.error().message.find("the first one"), std::string::npos) << refused.error().message;
  first->reset();
  EXPECT_TRUE((*second)->claim(test_claim("the second one")).ok());
  EXPECT_EQ((*second)->facts()->markers.size(), 1U);
}

TEST(AgentControl, ForgetsOnlyItsOwnPair) {
  TempRoot root;
  root.write("a", "1");
  root.write(".twsync/other-pair/marker", "theirs");
  auto remote = open_remote(root.path());
  ASSERT_TRUE(remote.ok());
  EXPECT_FALSE((*remote)->forget().ok()) << "without the lock";
  ASSERT_TRUE((*remote)->claim(test_claim("me")).ok());
  root.write(std::string(".twsync/") + kPair + "/versions/deep/er/kept", "x");
  std::filesystem::create_directory_symlink(root.path(), root.at(std::string(".twsync/") + kPair + "/versions/trap"));
  ASSERT_TRUE((*remote)->forget().ok());
  EXPECT_FALSE(std::filesystem::exists(root.at(std::string(".twsync/") + kPair)));
  EXPECT_EQ(root.read(".twsync/other-pair/marker"), "theirs");
  EXPECT_EQ(root.read("a"), "1");
}

/// Hints as they come from the watch's thread.
class SeenHints {
 public:
  RemoteSide::WatchSinks sink() {
    return {[this](std::vector<Hint>&& hints) {
              const std::lock_guard lock(mutex_);
              for (Hint& hint : hints) hints_.push_back(std::move(hint));
            },
            {}};
  }
  bool covers(const std::string& path) {
    const std::lock_guard lock(mutex_);
    return std::any_of(hints_.begin(), hints_.end(), [&](const Hint& hint) {
      EXPECT_EQ(hint.side, Side::deploy);
      return hint.path == path || (hint.recursive && is_at_or_below(path, hint.path));
    });
  }
  void clear() {
    const std::lock_guard lock(mutex_);
    hints_.clear();
  }

 private:
  std::mutex mutex_;
  std::vector<Hint> hints_;
};

TEST(AgentWatch, EveryChangeBeforeACookieHasBeenHinted) {
  TempRoot root;
  root.write("dir/a", "1");
  SeenHints seen;
  Result<Greeted> greeted = greet(test_hello(AgentRole::control, root.path()));
  ASSERT_TRUE(greeted.ok());
  RemoteSide side(std::move(greeted->connection), std::move(greeted->reply), seen.sink());
  EXPECT_EQ(side.cookie().error().code, ErrorCode::usage) << "nothing is watched yet";
  ASSERT_TRUE(side.claim(test_claim("me")).ok());
  WatchRequest request;
  request.exclude = {"*.o"};
  ASSERT_TRUE(side.watch(request).ok());
  ASSERT_TRUE(side.cookie().ok());
  while (side.watch_state() != "live (inotify)") ASSERT_TRUE(side.cookie().ok());
  for (int i = 0; i < 5; ++i) {
    seen.clear();
    const std::string path = "dir/new" + std::to_string(i);
    root.write(path, "x");
    const Status passed = side.cookie();
    ASSERT_TRUE(passed.ok()) << describe(passed.error());
    EXPECT_TRUE(seen.covers(path));
  }
  seen.clear();
  root.write("dir/x.o", "x");
  ASSERT_TRUE(side.cookie().ok());
  EXPECT_FALSE(seen.covers("dir/x.o"));
  ASSERT_TRUE(side.watch(WatchRequest{}).ok()) << "other rules";
  EXPECT_TRUE(side.facts().ok());
}

TEST(AgentWatch, TellsByWhatItWatchesAndItsCookiesWorkBothWays) {
  TempRoot root;
  SeenHints seen;
  std::mutex mutex;
  std::string state;
  RemoteSide::WatchSinks sinks = seen.sink();
  sinks.state = [&](std::string told) {
    const std::lock_guard lock(mutex);
    state = std::move(told);
  };
  Result<Greeted> greeted = greet(test_hello(AgentRole::control, root.path()));
  ASSERT_TRUE(greeted.ok());
  RemoteSide side(std::move(greeted->connection), std::move(greeted->reply), std::move(sinks));
  ASSERT_TRUE(side.claim(test_claim("me")).ok());
  WatchRequest request;
  request.source = static_cast<uint8_t>(WatchSource::fanotify);
  ASSERT_TRUE(side.watch(request).ok());
  const auto told = [&] {
    const std::lock_guard lock(mutex);
    return state;
  };
  while (told().find("fanotify") == std::string::npos) ASSERT_TRUE(side.cookie().ok());
  // Where the process may not use it, the state says what mends that.
  EXPECT_TRUE(told() == "live (fanotify)" || told().find("setcap cap_sys_admin") != std::string::npos) << told();
  root.write("new", "x");
  ASSERT_TRUE(side.cookie().ok());
  EXPECT_TRUE(seen.covers("new"));
}

TEST(AgentHistory, BringsAVersionBackAsANewEdit) {
  TempRoot root;
  root.write("doc", "old");
  auto opened = open_remote(root.path());
  ASSERT_TRUE(opened.ok());
  RemoteSide& side = **opened;
  EXPECT_FALSE(side.versions({}).ok()) << "no pair is named yet";
  ASSERT_TRUE(side.claim(test_claim("me")).ok());
  EXPECT_TRUE(side.versions({})->versions.empty());

  // A propagated edit displaces "old".
  Greeted bulk = *greet(test_hello(AgentRole::bulk, root.path()));
  Batch batch;
  batch.id = 1;
  batch.epoch = 1;
  batch.side = Side::deploy;
  batch.scanned_ns = SystemClock().wall_ns();
  Operation& op = batch.operations.emplace_back();
  op.kind = OpKind::put_symlink;
  op.side = Side::deploy;
  op.path = "doc";
  op.expected = side.digest({{"doc"}})->entries.at(0).entry;
  op.desired.kind = Kind::symlink;
  op.desired.target = "elsewhere";
  ASSERT_TRUE(bulk.connection->send(FrameType::apply, 1, encode(batch)).ok());
  ASSERT_TRUE(bulk.connection->send(FrameType::content_end, 1, encode(Reply{})).ok());
  const Result<Frame> results = bulk.connection->receive(20'000);
  ASSERT_TRUE(results.ok());
  ASSERT_EQ(decode<BatchResult>(results->payload)->results.at(0).code, ErrorCode::ok);

  const Result<VersionsReply> kept = side.versions({"doc", 10});
  ASSERT_TRUE(kept.ok());
  ASSERT_EQ(kept->versions.size(), 1U);
  EXPECT_EQ(kept->versions[0].path, "doc");
  EXPECT_EQ(side.versions({"other", 10})->versions.size(), 0U);
  const std::string id = kept->versions[0].id;

  const int64_t before = SystemClock().wall_ns();
  const Result<RestoreReply> elsewhere = side.restore({id, "new/deep/doc"});
  ASSERT_TRUE(elsewhere.ok()) << describe(elsewhere.error());
  EXPECT_EQ(root.read("new/deep/doc"), "old");
  EXPECT_GE(elsewhere->entry.mtime_ns, before) << "a new edit, with its own time";
  const Result<RestoreReply> back = side.restore({id, "doc"});
  ASSERT_TRUE(back.ok()) << describe(back.error());
  EXPECT_EQ(root.read("doc"), "old");
  EXPECT_EQ(side.versions({"doc", 10})->versions.size(), 2U) << "the link that stood there is kept as well";
  EXPECT_EQ(side.versions({"doc", 10})->versions[0].entry.kind, Kind::symlink) << "newest first";
  EXPECT_TRUE(side.versions({"doc", 1})->more);
  EXPECT_FALSE(std::filesystem::exists(root.at(std::string(".twsync/") + kPair + "/versions/.twsync")))
      << "the version store is read, not taken for a root";
  EXPECT_EQ(side.restore({"no-such-id", "doc"}).error().code, ErrorCode::not_found);
  EXPECT_EQ(side.restore({id, "../doc"}).error().code, ErrorCode::usage);
}

TEST(AgentHandshake, RefusesInWords) {
  TempRoot root;
  EXPECT_EQ(greet(test_hello(AgentRole::control, root.at("missing"))).error().code, ErrorCode::not_found);
  Hello old = test_hello(AgentRole::control, root.path());
  old.protocol = 99;
  const Result<Greeted> refused = greet(old);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::unsupported);
  EXPECT_NE(refused.error().message.find("99"), std::string::npos) << refused.error().message;
}

TEST(AgentHandshake, AForcedRootIsTheOnlyOne) {
  TempRoot root, other;
  EXPECT_EQ(greet(test_hello(AgentRole::control, other.path()), {"--root", root.path()}).error().code,
            ErrorCode::denied);
  EXPECT_TRUE(greet(test_hello(AgentRole::control, root.path()), {"--root", root.path()}).ok());
  auto fixed = open_remote("", {"--root", root.path()});
  ASSERT_TRUE(fixed.ok());
  EXPECT_EQ((*fixed)->facts()->root_path, root.path());
}

TEST(AgentProcess, EndsWithItsClient) {
  TempRoot root;
  ChildAgent agent;
  {
    auto connection = connect(std::move(agent.stream));
    ASSERT_TRUE(hello(*connection, test_hello(AgentRole::control, root.path())).ok());
  }
  const int status = agent.wait();
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

TEST(AgentProcess, ADeadAgentIsUnreachable) {
  TempRoot root;
  ChildAgent agent;
  auto connection = connect(std::move(agent.stream));
  Result<Greeting> greeting = hello(*connection, test_hello(AgentRole::control, root.path()));
  ASSERT_TRUE(greeting.ok());
  RemoteSide side(std::move(connection), greeting->reply);
  ASSERT_TRUE(side.facts().ok());
  agent.kill();
  EXPECT_EQ(side.facts().error().code, ErrorCode::unreachable);
  EXPECT_EQ(side.claim(test_claim("me")).error().code, ErrorCode::unreachable);
}

}  // namespace
}  // namespace twsync::agent_test
