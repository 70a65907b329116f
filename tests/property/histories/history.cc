#include "tests/property/histories/history.h"

#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <thread>

#include "common/base/clock.h"
#include "common/base/hasher.h"
#include "common/base/rel_path.h"
#include "common/base/text.h"
#include "tests/property/histories/person.h"
#include "tests/property/histories/session.h"

namespace twsync::testing {

namespace fs = std::filesystem;

namespace {

constexpr Side kSides[] = {Side::code, Side::deploy};
constexpr int kBusyTries = 40;

std::string make_directory() {
  const bool memory = ::access("/dev/shm", W_OK) == 0 && ::getenv("TMPDIR") == nullptr;
  const char* chosen = ::getenv("TMPDIR");
  std::string name = str(std::string(memory              ? "/dev/shm"
                                     : chosen != nullptr ? chosen
                                                         : "/tmp"),
                         "/twsync-history-XXXXXX");
  if (::mkdtemp(name.data()) == nullptr) std::abort();
  return name;
}

/// Names, kinds, contents and modes below a root, without our own directory.
std::string tree_text(const std::string& root) {
  std::string out;
  std::vector<std::string> lines;
  for (auto it = fs::recursive_directory_iterator(root); it != fs::recursive_directory_iterator(); ++it) {
    const std::string path = it->path().string().substr(root.size() + 1);
    if (path == ".twsync") {
      it.disable_recursion_pending();
      continue;
    }
    const auto status = it->symlink_status();
    const auto mode = static_cast<unsigned>(status.permissions());
    const bool directory = fs::is_directory(status);
    const std::string content = content_at(it->path());
    lines.push_back(str(path,
                        directory                ? "/"
                        : fs::is_symlink(status) ? "->"
                                                 : "=",
                        content.substr(0, 40), " ", content.size(), fs::is_symlink(status) ? "" : str(" ", mode)));
  }
  std::sort(lines.begin(), lines.end());
  for (const auto& line : lines) out += line + "\n";
  return out;
}

class History {
 public:
  History(const std::string& agent_path, Tally& tally)
      : directory_(make_directory()),
        roots_{directory_ + "/code", directory_ + "/deploy"},
        people_{{roots_[0], Side::code, ledger_}, {roots_[1], Side::deploy, ledger_}},
        tally_(tally) {
    for (const auto& root : roots_) fs::create_directory(root);
    PairConfig& pair = options_.pair;
    pair.name = "history";
    pair.code_path = roots_[0];
    pair.deploy.local = true;
    pair.deploy.path = roots_[1];
    pair.state_dir = directory_ + "/state";
    pair.delete_limits = {0, 0, 10};
    options_.agent_path = agent_path;
  }
  ~History() {
    session_.reset();
    if (::getenv("TWSYNC_KEEP") == nullptr) fs::remove_all(directory_);
  }

  std::string run(const Steps& steps) {
    for (size_t i = 0; i < steps.size() && problem_.empty(); ++i) {
      step(steps[i]);
      if (!problem_.empty()) problem_ = str("step ", i + 1, " (", steps[i].verb, "): ", problem_);
    }
    if (problem_.empty()) settle();
    return problem_;
  }

 private:
  Person& person(Side side) { return people_[static_cast<size_t>(side)]; }
  const std::string& root(Side side) const { return roots_[static_cast<size_t>(side)]; }
  void wrong(const std::string& text) {
    if (problem_.empty()) problem_ = text;
  }

  void step(const Step& s) {
    if (s.verb.starts_with("code-")) return person(Side::code).act(s.verb.substr(5), s);
    if (s.verb.starts_with("deploy-")) return person(Side::deploy).act(s.verb.substr(7), s);
    if (s.verb == "both") return both(s);
    if (s.verb == "sync") return sync(s);
    if (s.verb == "kill") return kill(s);
    if (s.verb == "race") return race(s);
    if (s.verb == "hints") return hints(s);
    if (s.verb == "close") return close();
    if (s.verb == "clock") return clock(s);
    if (s.verb == "base") return base(s);
  }

  void both(const Step& s) {
    const std::string content = ledger_.fresh(s.c);
    for (const Side side : kSides) person(side).act(s.b % 2 == 0 ? "replace" : "write", s, content);
  }

  Session& session() {
    if (!session_) session_ = std::make_unique<Session>(options_);
    return *session_;
  }

  Request request(const Step& s) {
    Request request;
    request.id = random_hex(8);
    request.pair = options_.pair.name;
    constexpr Direction kDirections[] = {Direction::both, Direction::both, Direction::both, Direction::to_deploy,
                                         Direction::to_code};
    request.direction = kDirections[s.a % 5];
    request.policy = static_cast<ConflictPolicy>(s.b % 4);
    if (s.c % 6 == 0) request.paths = {s.c % 4 == 0 ? "a" : "b/c"};
    return request;
  }

  void sync(const Step& s) {
    ++tally_.syncs;
    session().ask(request(s));
    take(session().wait());
    check_values(false);
  }

  /// What the session said; a session that ended by itself is a problem unless it was killed.
  void take(const Answer& answer) {
    if (answer.hung) return wrong("no answer within a minute");
    if (answer.ended) {
      session_.reset();
      return wrong("the pipeline ended by itself, " + answer.how);
    }
    tally_.conflicts += answer.summary->conflicts;
    const Error& error = answer.summary->error;
    // An agent whose controller was killed needs a moment to notice; a killed one is found out by the next request.
    const bool passing = error.code == ErrorCode::ok || error.code == ErrorCode::busy ||
                         error.code == ErrorCode::unreachable || error.code == ErrorCode::stale;
    if (!passing) wrong(str("the request failed: ", describe(error)));
  }

  void kill(const Step& s) {
    ++tally_.syncs;
    session().ask(request({"", s.c, s.b, s.a}));
    std::this_thread::sleep_for(std::chrono::microseconds(s.a * s.a * 6));
    const auto who = static_cast<Session::Who>(s.b % 3);
    session().kill(who);
    if (who == Session::Who::agents) {
      take(session().wait());
    } else {
      ++tally_.kills;
      session_.reset();
    }
    check_values(true);
  }

  void race(const Step& s) {
    ++tally_.races;
    session().ask(request({"", s.c, s.c / 5, 1}));
    std::mt19937_64 random(s.b);
    static constexpr const char* kVerbs[] = {"write", "replace", "delete", "rename", "swap", "mkdir", "kind", "touch"};
    for (unsigned i = 0; i < 1 + s.a % 12; ++i) {
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 6000));
      const auto n = [&random] { return static_cast<unsigned>(random() % 120); };
      person(kSides[random() % 2]).act(kVerbs[random() % 8], {"", n(), n(), 1 + n() * 9});
    }
    take(session().wait());
    check_values(false);
  }

  void hints(const Step& s) {
    ++tally_.hint_rounds;
    std::vector<Hint> all;
    for (const Side side : kSides) {
      for (auto& hint : person(side).take_hints()) all.push_back(std::move(hint));
    }
    std::mt19937_64 random(s.b);
    std::vector<Hint> sent;
    for (const Hint& hint : all) {
      if (s.a % 3 == 0 && random() % 3 == 0) continue;
      for (unsigned i = 0; i < 1 + (s.a % 4 == 0 ? random() % 3 : 0); ++i) sent.push_back(hint);
    }
    if (s.a % 2 == 0) std::shuffle(sent.begin(), sent.end(), random);
    if (s.a % 5 == 0) {
      Hint wrong;
      wrong.side = kSides[random() % 2];
      wrong.path = random() % 2 == 0 ? "b" : "nothing/there";
      wrong.recursive = random() % 2 == 0;
      sent.push_back(wrong);
    }
    for (Hint& hint : sent) hint.pair = options_.pair.name;
    // In two halves: what belongs together may come apart.
    const size_t half = sent.size() / 2;
    for (const auto& part : {std::vector<Hint>(sent.begin(), sent.begin() + static_cast<std::ptrdiff_t>(half)),
                             std::vector<Hint>(sent.begin() + static_cast<std::ptrdiff_t>(half), sent.end())}) {
      session().hint(part);
      take(session().wait());
      if (!problem_.empty()) return;
    }
    check_values(false);
  }

  void close() {
    if (session_ && !session_->close()) wrong("the session did not end within a minute");
    session_.reset();
  }

  void clock(const Step& s) {
    constexpr int64_t kHours[] = {0, 1, -1, 24, -24, 47};
    close();
    options_.clock_shift_ns = kHours[s.a % 6] * 3600 * kSecond + (s.b % 2 == 0 ? 0 : 5 * kSecond);
    options_.live = s.c % 3 == 0;
    ledger_.time_passes();
    ++tally_.clock_steps;
  }

  void base(const Step& s) {
    const std::string path = options_.pair.state_dir + "/base.db";
    const std::string saved = directory_ + "/saved.db";
    std::error_code ec;
    if (s.b % 2 == 0) {
      close();
    } else {
      session_.reset();
    }
    ++tally_.lost_state;
    switch (s.a % 7) {
      case 0:
        for (const char* part : {"", "-wal", "-shm"}) fs::remove(path + part, ec);
        break;
      case 1:
        for (const char* part : {"", "-wal", "-shm"}) fs::remove(path + part, ec);
        std::ofstream(path) << "this is no database";
        break;
      case 2:
        if (fs::exists(path)) fs::resize_file(path, fs::file_size(path) / 2, ec);
        break;
      case 3:
      case 4:
        close_and_save(path, saved);
        break;
      case 5:
        if (!fs::exists(saved)) break;
        for (const char* part : {"", "-wal", "-shm"}) fs::remove(path + part, ec);
        fs::copy_file(saved, path, ec);
        break;
      default:
        for (const char* part : {"", "-wal", "-shm"}) fs::remove(options_.pair.state_dir + "/queue.db" + part, ec);
        break;
    }
  }
  void close_and_save(const std::string& path, const std::string& saved) {
    if (!fs::exists(path) || fs::exists(path + "-wal")) return;
    fs::copy_file(path, saved, fs::copy_options::overwrite_existing);
  }

  std::set<std::string> contents(const std::string& where, bool own) const {
    std::set<std::string> out;
    std::error_code ec;
    for (auto it = fs::recursive_directory_iterator(where, ec); !ec && it != fs::recursive_directory_iterator();
         it.increment(ec)) {
      if (!own && it.depth() == 0 && it->path().filename() == ".twsync") {
        it.disable_recursion_pending();
        continue;
      }
      if (auto content = content_at(it->path()); !content.empty()) out.insert(std::move(content));
    }
    return out;
  }

  /// The values are all there. Right after a kill one may still stand in a stage, from where the next start takes it.
  void check_values(bool stage_too) {
    std::set<std::string> standing;
    std::set<std::string> kept;
    for (const auto& root : roots_) {
      standing.merge(contents(root, false));
      std::error_code ec;
      for (const auto& pair : fs::directory_iterator(root + "/.twsync", ec)) {
        kept.merge(contents(pair.path() / "versions", true));
        if (stage_too) kept.merge(contents(pair.path() / "stage", true));
      }
    }
    for (const Side side : kSides) {
      for (const std::string& value : ledger_.must(side)) {
        ++tally_.values;
        if (standing.contains(value)) continue;
        if (!kept.contains(value))
          wrong(str(value.substr(0, 40), ", written on the ", to_string(side), " side, is lost"));
        ++tally_.only_kept;
      }
    }
  }

  Summary quiet_sync(bool dry_run) {
    Request request;
    request.pair = options_.pair.name;
    request.policy = ConflictPolicy::newer;
    request.dry_run = dry_run;
    for (int i = 0; i < kBusyTries; ++i) {
      request.id = random_hex(8);
      session().ask(request);
      const Answer answer = session().wait();
      if (answer.hung || answer.ended) {
        wrong(answer.hung ? "no answer within a minute" : "the pipeline ended by itself, " + answer.how);
        return {};
      }
      if (answer.summary->error.code == ErrorCode::ok) return *answer.summary;
      if (answer.summary->error.code != ErrorCode::busy) {
        wrong(str("a quiet cycle failed: ", describe(answer.summary->error)));
        return {};
      }
    }
    wrong("still busy");
    return {};
  }

  void settle() {
    quiet_sync(false);
    const Summary second = quiet_sync(false);
    const Summary shown = quiet_sync(true);
    if (!problem_.empty()) return;
    if (!second.in_sync) {
      wrong(str("after two quiet cycles ", second.pending, " paths are pending, ", second.parked, " parked, ",
                second.failed, " failed; code:\n", tree_text(roots_[0]), "deploy:\n", tree_text(roots_[1])));
    }
    if (shown.operations != 0) wrong(str("after two quiet cycles ", shown.operations, " operations are still planned"));
    const std::string code = tree_text(roots_[0]);
    const std::string deploy = tree_text(roots_[1]);
    if (code != deploy) wrong(str("the sides differ, code:\n", code, "deploy:\n", deploy));
    check_values(false);
    close();
    for (const auto& root : roots_) {
      for (const auto& pair : fs::directory_iterator(root + "/.twsync")) {
        if (!fs::is_empty(pair.path() / "stage")) wrong("something is left in " + (pair.path() / "stage").string());
      }
    }
  }

  const std::string directory_;
  const std::string roots_[2];
  Ledger ledger_;
  Person people_[2];
  SessionOptions options_;
  std::unique_ptr<Session> session_;
  Tally& tally_;
  std::string problem_;
};

}  // namespace

void Tally::add(const Tally& other) {
  syncs += other.syncs;
  kills += other.kills;
  races += other.races;
  hint_rounds += other.hint_rounds;
  lost_state += other.lost_state;
  clock_steps += other.clock_steps;
  conflicts += other.conflicts;
  only_kept += other.only_kept;
  values += other.values;
}

std::string run_history(const Steps& steps, const std::string& agent_path, Tally& tally) {
  return History(agent_path, tally).run(steps);
}

}  // namespace twsync::testing
