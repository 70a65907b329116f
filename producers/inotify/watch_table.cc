#include "producers/inotify/watch_table.h"

#include "common/base/rel_path.h"

namespace twsync {

namespace {

template <class F>
bool each_name(std::string_view path, F&& visit) {
  while (!path.empty()) {
    const size_t slash = path.find('/');
    if (!visit(path.substr(0, slash))) return false;
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
  }
  return true;
}

}  // namespace

WatchTable::WatchTable() : root_(std::make_unique<Node>()) {}

void WatchTable::clear() {
  root_ = std::make_unique<Node>();
  by_wd_.clear();
}

WatchTable::Node* WatchTable::by_wd(int wd) const {
  const auto found = by_wd_.find(wd);
  return found == by_wd_.end() ? nullptr : found->second;
}

WatchTable::Node* WatchTable::find(std::string_view path) const {
  Node* node = root_.get();
  const bool all = each_name(path, [&](std::string_view name) {
    const auto child = node->children.find(name);
    if (child == node->children.end()) return false;
    node = child->second.get();
    return true;
  });
  return all ? node : nullptr;
}

WatchTable::Node& WatchTable::at(std::string_view path) {
  Node* node = root_.get();
  each_name(path, [&](std::string_view name) {
    auto& child = node->children[std::string(name)];
    if (!child) {
      child = std::make_unique<Node>();
      child->parent = node;
      child->name = name;
    }
    node = child.get();
    return true;
  });
  return *node;
}

std::string WatchTable::path_of(const Node& node) {
  if (node.parent == nullptr) return {};
  return join_path(path_of(*node.parent), node.name);
}

void WatchTable::bind(Node& node, int wd) {
  Node*& owner = by_wd_[wd];
  if (owner != nullptr && owner != &node) owner->wd = -1;
  if (node.wd >= 0 && node.wd != wd) by_wd_.erase(node.wd);
  owner = &node;
  node.wd = wd;
}

void WatchTable::collect(Node& node, std::vector<int>& out) {
  if (node.wd >= 0) {
    out.push_back(node.wd);
    by_wd_.erase(node.wd);
    node.wd = -1;
  }
  for (auto& [name, child] : node.children) collect(*child, out);
}

std::vector<int> WatchTable::drop(std::string_view path) {
  std::vector<int> out;
  Node* node = find(path);
  if (node == nullptr) return out;
  collect(*node, out);
  if (node->parent != nullptr) {
    node->parent->children.erase(node->parent->children.find(node->name));
  } else {
    node->children.clear();
  }
  return out;
}

std::vector<int> WatchTable::move(std::string_view from, std::string_view to) {
  Node* node = find(from);
  if (node == nullptr || from.empty() || to.empty() || is_at_or_below(to, from)) return {};
  const Node* present = find(to);
  if (present != nullptr && present->wd >= 0 && node->wd < 0) return drop(from);  // found under its new name already
  std::vector<int> gone = drop(to);
  auto handle = node->parent->children.extract(node->parent->children.find(node->name));
  Node& parent = at(parent_path(to));
  handle.mapped()->parent = &parent;
  handle.mapped()->name = base_name(to);
  handle.key() = handle.mapped()->name;
  parent.children.insert(std::move(handle));
  return gone;
}

void WatchTable::forget_wd(int wd) {
  Node* node = by_wd(wd);
  if (node == nullptr) return;
  node->wd = -1;
  by_wd_.erase(wd);
}

}  // namespace twsync
