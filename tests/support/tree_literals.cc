#include "tests/support/tree_literals.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <sstream>

#include "common/base/text.h"

namespace twsync::testing {

namespace {

constexpr int64_t kSecondNs = 1'000'000'000;

/// `same_as`: "path^same_as", another name of it.
ModelNode parse_node(std::string word, std::string& path, std::string& same_as) {
  ModelNode node;
  node.mtime_ns = 50 * kSecondNs;
  const auto cut = [&word](char mark) {
    const size_t at = word.rfind(mark);
    if (at == std::string::npos) return std::string{};
    std::string tail = word.substr(at + 1);
    word.resize(at);
    return tail;
  };
  if (const auto mtime = cut('@'); !mtime.empty()) node.mtime_ns = std::stoll(mtime) * kSecondNs;
  const auto mode = cut(':');
  if (same_as = cut('^'); !same_as.empty()) {
    path = word;
    return node;
  }
  if (const size_t arrow = word.find("->"); arrow != std::string::npos) {
    node.kind = Kind::symlink;
    node.content = word.substr(arrow + 2);
    path = word.substr(0, arrow);
  } else if (word.ends_with('/')) {
    node.kind = Kind::directory;
    path = word.substr(0, word.size() - 1);
  } else if (word.ends_with('!')) {
    node.kind = Kind::other;
    path = word.substr(0, word.size() - 1);
  } else {
    const size_t equals = word.find('=');
    path = word.substr(0, equals);
    node.content = word.substr(equals + 1);
  }
  node.mode = node.kind == Kind::directory ? 0755 : node.kind == Kind::symlink ? 0 : 0644;
  if (!mode.empty()) node.mode = static_cast<uint32_t>(std::stoul(mode, nullptr, 8));
  return node;
}

std::string octal(uint32_t mode) {
  std::ostringstream out;
  out << std::oct << mode;
  return out.str();
}

}  // namespace

Digest digest_of(const std::string& content) {
  const uint64_t hash = std::hash<std::string>{}(content);
  return {DigestAlgorithm::xxh3_128_keyed, hash, hash ^ content.size()};
}

std::string to_text(const ModelTree& tree) {
  std::string out;
  std::map<uint64_t, std::string> first_name;
  for (const auto& [path, node] : tree) {
    const std::string mode = str(":", octal(node.mode));
    const std::string mtime = str("@", node.mtime_ns);
    switch (node.kind) {
      case Kind::directory:
        out += str(path, "/", mode, "\n");
        break;
      case Kind::file: {
        const auto [first, alone] = first_name.emplace(node.inode, path);
        out += str(path, "=", node.content, mode, mtime, alone ? "" : "^", alone ? "" : first->second.c_str(), "\n");
        break;
      }
      case Kind::symlink:
        out += str(path, "->", node.content, mtime, "\n");
        break;
      default:
        out += str(path, "!\n");
        break;
    }
  }
  return out;
}

World::World(const std::string& agreed, ConflictPolicy conflicts) {
  policy.conflicts = conflicts;
  policy.code_now_ns = policy.deploy_now_ns = kModelNow;
  std::istringstream words(agreed);
  for (std::string word; words >> word;) {
    std::string path;
    std::string same_as;
    const ModelNode node = parse_node(word, path, same_as);
    for (const Side s : {Side::code, Side::deploy}) {
      if (!same_as.empty()) {
        link(s, same_as, path);
        continue;
      }
      ModelNode& made = put(s, path, node);
      made.mtime_ns = node.mtime_ns;
    }
  }
  for (const Side s : {Side::code, Side::deploy}) {
    for (const auto& [path, node] : tree(s)) read_.insert({node.inode, node.ctime_ns});
  }
  for (const auto& [path, node] : tree(Side::code)) {
    const auto row = merge_base(nullptr, path, entry(Side::code, path), entry(Side::deploy, path), policy);
    if (row) base[path] = *row;
    if (row) base[path].round = round;
  }
  read_.clear();
}

ModelNode& World::put(Side side, const std::string& path, ModelNode node) {
  node.inode = ++next_inode_;
  node.ctime_ns = (200 + ++tick_) * kSecondNs;
  if (node.mtime_ns == 0) node.mtime_ns = node.ctime_ns;
  return tree(side)[path] = std::move(node);
}

void World::write(Side side, const std::string& path, const std::string& content) {
  const auto it = tree(side).find(path);
  if (it == tree(side).end() || it->second.kind != Kind::file) return replace(side, path, content);
  change_inode(side, it->second.inode, [&](ModelNode& node) {
    node.content = content;
    node.mtime_ns = (200 + tick_) * kSecondNs;
  });
}

void World::change_inode(Side side, uint64_t inode, const std::function<void(ModelNode&)>& change) {
  ++tick_;
  for (auto& [path, node] : tree(side)) {
    if (node.inode != inode) continue;
    change(node);
    node.ctime_ns = (200 + tick_) * kSecondNs;
    if (applying_) own_ctime_[inode] = node.ctime_ns;
  }
}

void World::link(Side side, const std::string& from, const std::string& path) {
  if (path == from) return;
  const ModelNode node = tree(side).at(from);
  erase(side, path);
  tree(side)[path] = node;
  change_inode(side, node.inode, [](ModelNode&) {});
}

void World::replace(Side side, const std::string& path, const std::string& content) {
  if (const auto it = tree(side).find(path); it != tree(side).end() && it->second.kind == Kind::directory)
    erase(side, path);
  ModelNode node;
  node.content = content;
  put(side, path, node);
}

void World::make_directory(Side side, const std::string& path) {
  ModelNode node;
  node.kind = Kind::directory;
  node.mode = 0755;
  put(side, path, node);
}

void World::symlink(Side side, const std::string& path, const std::string& target) {
  erase(side, path);
  ModelNode node;
  node.kind = Kind::symlink;
  node.content = target;
  node.mode = 0;
  put(side, path, node);
}

void World::socket(Side side, const std::string& path) {
  erase(side, path);
  ModelNode node;
  node.kind = Kind::other;
  put(side, path, node);
}

void World::erase(Side side, const std::string& path) {
  std::set<uint64_t> inodes;
  std::erase_if(tree(side), [&](const auto& item) {
    if (!is_at_or_below(item.first, path)) return false;
    inodes.insert(item.second.inode);
    return true;
  });
  for (const uint64_t inode : inodes) change_inode(side, inode, [](ModelNode&) {});
}

void World::rename(Side side, const std::string& from, const std::string& to) {
  ModelTree moved;
  for (const auto& [path, node] : tree(side)) {
    if (is_at_or_below(path, from)) moved[replace_prefix(path, from, to)] = node;
  }
  std::erase_if(tree(side), [&](const auto& item) { return is_at_or_below(item.first, from); });
  erase(side, to);
  const uint64_t inode = moved[to].inode;
  tree(side).merge(moved);
  change_inode(side, inode, [](ModelNode&) {});
}

void World::chmod(Side side, const std::string& path, uint32_t mode) {
  change_inode(side, tree(side).at(path).inode, [mode](ModelNode& node) { node.mode = mode; });
}

void World::rot(Side side, const std::string& path, const std::string& content) {
  ModelNode& node = tree(side).at(path);
  node.content = content;
  read_.erase({node.inode, node.ctime_ns});
}

void World::revert(Side side, const std::string& path, const std::string& content) {
  replace(side, path, content);
  ModelNode& node = tree(side).at(path);
  node.ctime_ns = 150 * kSecondNs;
  node.mtime_ns = 40 * kSecondNs;
}

void World::revert_mode(Side side, const std::string& path, uint32_t mode) {
  ModelNode& node = tree(side).at(path);
  node.mode = mode;
  node.ctime_ns = 150 * kSecondNs;
}

void World::tear(Side side, const std::string& path, const std::string& content, int64_t mtime_ns) {
  replace(side, path, content);
  if (mtime_ns != 0) tree(side).at(path).mtime_ns = mtime_ns;
}

void World::confirm_flush() {
  settled = round++;
  for (const size_t s : {0, 1}) flushed_[s] = trees_[s];
}

void World::undo(Side side, const std::string& path) {
  std::erase_if(tree(side), [&](const auto& item) { return is_at_or_below(item.first, path); });
  for (const auto& [was, node] : flushed_[static_cast<size_t>(side)]) {
    if (is_at_or_below(was, path)) tree(side)[was] = node;
  }
}

void World::stop_uncleanly(Side side) {
  Doubt& doubt = side == Side::code ? policy.code_doubt : policy.deploy_doubt;
  doubt = {true, true, settled, round++, (200 + ++tick_) * kSecondNs};
}

void World::look_first(Side side) {
  Doubt& doubt = side == Side::code ? policy.code_doubt : policy.deploy_doubt;
  doubt.first_look_ns = (200 + ++tick_) * kSecondNs;
}

void World::touch(Side side, const std::string& path, int64_t mtime_ns) {
  change_inode(side, tree(side).at(path).inode, [mtime_ns](ModelNode& node) { node.mtime_ns = mtime_ns; });
}

Entry World::entry(Side side, const std::string& path) {
  Entry e;
  const auto it = tree(side).find(path);
  if (it == tree(side).end()) return e;
  const ModelNode& node = it->second;
  e.kind = node.kind;
  e.mode = node.kind == Kind::symlink ? 0 : node.mode;
  e.size = node.kind == Kind::file ? node.content.size() : 0;
  if (node.kind == Kind::file) {
    e.links = 0;
    for (const auto& [name, other] : tree(side)) e.links += other.inode == node.inode ? 1 : 0;
  }
  e.mtime_ns = node.mtime_ns;
  e.stamp = {node.inode, e.size, node.mtime_ns, node.ctime_ns};
  if (node.kind == Kind::symlink) e.target = node.content;
  if (node.kind == Kind::file && read_.contains({node.inode, node.ctime_ns})) e.digest = digest_of(node.content);
  return e;
}

std::vector<PathState> World::scan() {
  std::vector<PathState> states;
  const auto look = [&] {
    std::set<std::string, PathLess> paths;
    for (const auto& [path, row] : base) paths.insert(path);
    for (const auto& side_tree : trees_) {
      for (const auto& [path, node] : side_tree) paths.insert(path);
    }
    states.clear();
    for (const Side s : {Side::code, Side::deploy}) pending_[static_cast<size_t>(s)].clear();
    for (const std::string& path : paths) {
      PathState state;
      state.path = path;
      const auto row = base.find(path);
      if (row != base.end()) state.base = row->second;
      const BaseRow* known = state.base ? &*state.base : nullptr;
      const auto was = dropped.find(path);
      if (known == nullptr && was != dropped.end() && was->second.round > settled) state.dropped = was->second;
      for (const Side s : {Side::code, Side::deploy}) {
        Entry e = entry(s, path);
        if (needs_digest(known, s, e, policy) || must_verify(known, s, e, policy)) {
          e.digest = digest_of(tree(s).at(path).content);
        }
        const EntryDiff diff = diff_entry(known, s, e, policy);
        if (!diff.any() && !diff.stamp) continue;
        (s == Side::code ? state.code : state.deploy) = e;
        pending_[static_cast<size_t>(s)][path] = e;
      }
      // Names of what is pending count as well, pending or not; here simply every linked file.
      const bool linked = state.base && (state.base->code.links > 1 || state.base->deploy.links > 1);
      if (state.code || state.deploy || linked) states.push_back(std::move(state));
    }
  };
  look();
  const DigestNeeds needs = digest_needs(states, policy);
  for (const Side s : {Side::code, Side::deploy}) {
    for (const std::string& path : s == Side::code ? needs.code : needs.deploy) {
      const ModelNode& node = tree(s).at(path);
      read_.insert({node.inode, node.ctime_ns});
    }
  }
  look();
  return states;
}

std::string World::plan_text() {
  return describe(plan());
}

std::string World::agreements_text() {
  std::string out;
  for (const auto& a : plan().agreements) out += describe(a) + "\n";
  return out;
}

std::set<std::string> World::contents() const {
  std::set<std::string> out;
  for (const auto& side_tree : trees_) {
    for (const auto& [path, node] : side_tree) {
      if (node.kind == Kind::file || node.kind == Kind::symlink) out.insert(node.content);
    }
  }
  for (const auto& [content, cause] : displaced) out.insert(content);
  return out;
}

std::string World::converge(int cycles) {
  std::string problems;
  for (int i = 0; i < cycles && problems.empty(); ++i) problems += carry_out(plan());
  if (!problems.empty()) return problems;
  const Plan rest = plan();
  if (!rest.operations.empty() || !rest.agreements.empty()) {
    problems += str("still to do:\n", describe(rest), agreements_text());
  }
  if (rest.parked.empty() && text(Side::code) != text(Side::deploy)) {
    problems += str("sides differ:\n", text(Side::code), "---\n", text(Side::deploy));
  }
  return problems;
}

void edit(World& world, const std::string& script) {
  std::istringstream statements(script);
  for (std::string statement; std::getline(statements, statement, ';');) {
    std::istringstream words(statement);
    std::string side_name;
    std::string verb;
    std::string path;
    std::string value;
    std::string mtime;
    words >> side_name >> verb >> path >> value >> mtime;
    const Side side = side_name == "code" ? Side::code : Side::deploy;
    if (side_name == "forget") world.forget_base();
    if (side_name == "flush") world.confirm_flush();
    if (side_name == "sync") world.converge();
    if (verb == "refuse-links") world.refuse_links(side);
    if (verb == "link") world.link(side, path, value);
    if (verb == "write") world.write(side, path, value);
    if (verb == "replace") world.replace(side, path, value);
    if (verb == "mkdir") world.make_directory(side, path);
    if (verb == "symlink") world.symlink(side, path, value);
    if (verb == "socket") world.socket(side, path);
    if (verb == "erase") world.erase(side, path);
    if (verb == "rename") world.rename(side, path, value);
    if (verb == "chmod") world.chmod(side, path, static_cast<uint32_t>(std::stoul(value, nullptr, 8)));
    if (verb == "rot") world.rot(side, path, value);
    if (verb == "revert") world.revert(side, path, value);
    if (verb == "revert_mode") world.revert_mode(side, path, static_cast<uint32_t>(std::stoul(value, nullptr, 8)));
    if (verb == "undo") world.undo(side, path);
    if (verb == "tear") world.tear(side, path, value, std::stoll("0" + mtime) * kSecondNs);
    if (verb == "stop") world.stop_uncleanly(side);
    if (verb == "look") world.look_first(side);
    if (verb == "touch") world.touch(side, path, std::stoll(value) * kSecondNs);
  }
}

std::string describe(const Operation& op) {
  std::string out = str(to_string(op.side), " ", to_string(op.kind), " ", op.path);
  if (op.kind == OpKind::rename) out += str(" from ", op.from);
  if (op.kind == OpKind::link) out += str(" to ", op.from);
  if (op.kind == OpKind::set_metadata || op.kind == OpKind::make_directory) out += str(" ", octal(op.desired.mode));
  if (op.cause != LoserCause::ordinary) out += str(" (", to_string(op.cause), ")");
  return out;
}

std::string describe(const Agreement& agreement) {
  switch (agreement.kind) {
    case AgreementKind::moved:
      return str("moved ", agreement.from, " to ", agreement.path);
    case AgreementKind::gone:
      return str("drop ", agreement.path);
    case AgreementKind::anew:
      return str("anew ", agreement.path);
    case AgreementKind::same:
      break;
  }
  return str("agree ", agreement.path);
}

std::string describe(const Plan& plan) {
  std::string out;
  for (const auto& op : plan.operations) out += describe(op) + "\n";
  for (const auto& c : plan.conflicts) {
    const char* winner = c.winner == ConflictWinner::none   ? "none"
                         : c.winner == ConflictWinner::code ? "code"
                                                            : "deploy";
    out += str("conflict ", c.rule, " ", c.path, " ", winner, "\n");
  }
  for (const auto& p : plan.parked) out += str("parked ", to_string(p.reason), " ", p.path, "\n");
  return out;
}

}  // namespace twsync::testing
