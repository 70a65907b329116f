#pragma once
// Which directory a watch descriptor stands for, kept right while directories move. Pure bookkeeping.

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace twsync {

/// Directories as a tree, so that a move of one with a million below it relinks one node. Not thread-safe.
class WatchTable {
 public:
  struct Node {
    Node* parent = nullptr;
    std::string name;
    int wd = -1;  ///< -1 = not watched
    std::map<std::string, std::unique_ptr<Node>, std::less<>> children;
  };

  WatchTable();
  void clear();
  Node& root() { return *root_; }
  Node* by_wd(int wd) const;
  Node* find(std::string_view path) const;
  /// Makes what is missing on the way.
  Node& at(std::string_view path);
  static std::string path_of(const Node& node);

  /// `wd` now stands for `node`. The kernel gives one descriptor an inode: a node that had it lost its directory to a
  /// move.
  void bind(Node& node, int wd);
  /// Forgets a directory and all below; returns the descriptors that stand for nothing any more.
  std::vector<int> drop(std::string_view path);
  /// Relinks a directory; what stood at `to` is dropped (its descriptors are returned). A no-op when `from` is unknown.
  std::vector<int> move(std::string_view from, std::string_view to);
  /// The kernel said that this descriptor is gone.
  void forget_wd(int wd);
  size_t watched() const { return by_wd_.size(); }

 private:
  void collect(Node& node, std::vector<int>& out);
  std::unique_ptr<Node> root_;
  std::unordered_map<int, Node*> by_wd_;
};

}  // namespace twsync
