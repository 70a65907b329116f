#include "common/fs/tree_walker.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/base/max_path.h"
#include "common/base/rel_path.h"
#include "common/base/text.h"
#include "common/fs/state_dir.h"

namespace twsync {

namespace {

struct LinuxDirent64 {
  uint64_t inode;
  int64_t offset;
  uint16_t length;
  uint8_t type;
  char name[1];
};

// Reported for the directory that holds it: its own path is what nobody could take.
Error too_long_error(const std::string& directory) {
  return Error{ErrorCode::unsupported,
               str("some of what is in it has a path of more than ", kMaxPath,
                   " bytes and is not synced: move it up, or give its directories shorter names"),
               directory, ENAMETOOLONG};
}

}  // namespace

Status DirNames::read(int fd) {
  alignas(LinuxDirent64) char buffer[64U << 10U];  // thread_local it would be zeroed for every thread of the process
  size_t count = 0;
  for (;;) {
    const long got = syscall(SYS_getdents64, fd, buffer, sizeof buffer);
    if (got < 0) return error_from_errno(errno, "cannot read the directory");
    if (got == 0) break;
    if (const size_t most = bytes_.size() + static_cast<size_t>(got); most > bytes_.capacity())
      bytes_.reserve(std::max(most, 2 * bytes_.capacity()));
    for (long at = 0; at < got;) {
      const auto* entry = reinterpret_cast<const LinuxDirent64*>(buffer + at);
      at += entry->length;
      if (!is_valid_name(entry->name)) continue;
      bytes_.insert(bytes_.end(), entry->name, entry->name + std::strlen(entry->name) + 1);
      ++count;
    }
  }
  names_.reserve(count);
  for (const char* at = bytes_.data(); at != bytes_.data() + bytes_.size(); at += names_.back().size() + 1)
    names_.emplace_back(at);
  std::sort(names_.begin(), names_.end());
  // Some file systems give a name twice of a directory that changes meanwhile.
  names_.erase(std::unique(names_.begin(), names_.end()), names_.end());
  return {};
}

Error mount_error(std::string path) {
  return Error{ErrorCode::unsupported, "another file system is mounted here", std::move(path), EXDEV};
}

DirListing read_directory(const RootDir& root, const EntryReader& reader, const IgnoreFilter& filter,
                          std::string path) {
  DirListing out;
  out.path = std::move(path);
  const auto fail = [&out](Error error) {
    out.entries.clear();
    out.error = std::move(error);
    out.error.path = out.path;
    return std::move(out);
  };
  auto fd = root.open_dir(out.path, O_RDONLY | O_NOATIME);
  if (!fd && fd.error().sys_errno == EPERM) fd = root.open_dir(out.path, O_RDONLY);
  if (!fd) return fail(std::move(fd).error());
  auto self = reader.open_file(fd->get());
  if (!self) return fail(std::move(self).error());
  out.self = std::move(self).value();
  if (Status read = out.names.read(fd->get()); !read) return fail(std::move(read).error());
  out.entries.reserve(out.names.sorted().size());
  bool too_long = false;
  std::string child = out.path.empty() ? std::string() : out.path + '/';
  const size_t parent_size = child.size();
  for (const std::string_view name : out.names.sorted()) {
    child.replace(parent_size, std::string::npos, name);
    if (is_state_path(child)) continue;
    bool is_mount = false;
    auto entry = reader.at(fd->get(), name.data(), &is_mount);
    if (child.size() > kMaxPath) {
      too_long = too_long || !entry || !filter.ignored_here(child, entry->is_directory());
      continue;
    }
    if (entry && is_mount) out.unreadable.push_back(mount_error(child));
    if (!entry) {
      Error error = std::move(entry).error();
      error.path = child;
      out.unreadable.push_back(std::move(error));
    } else if (entry->exists()) {
      if (filter.ignored_here(child, entry->is_directory())) {
        out.ignored.push_back(child);
      } else {
        out.entries.push_back({name, std::move(entry).value()});
      }
    }
  }
  if (too_long) out.unreadable.push_back(too_long_error(out.path));
  return out;
}

TreeWalker::TreeWalker(const RootDir& root, const EntryReader& reader, const IgnoreFilter& filter)
    : root_(root), reader_(reader), filter_(filter) {}

TreeWalker::~TreeWalker() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  work_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

TreeWalker::Node& TreeWalker::start(std::string path) {
  top_ = std::make_unique<Node>();
  top_->listing.path = std::move(path);
  return *top_;
}

void TreeWalker::read(Node& node) {
  node.listing = read_directory(root_, reader_, filter_, std::move(node.listing.path));
}

// REQUIRES: mutex_ held.
void TreeWalker::push_children(Node& node) {
  node.state = Node::State::done;
  ahead_ += node.listing.entries.size();
  for (const DirEntry& item : node.listing.entries) {
    if (!item.entry.is_directory()) continue;
    node.children.push_back(std::make_unique<Node>());
    node.children.back()->listing.path = join_path(node.listing.path, item.name);
  }
  for (auto child = node.children.rbegin(); child != node.children.rend(); ++child) waiting_.push_back(child->get());
}

void TreeWalker::finish(Node& node) {
  std::unique_lock lock(mutex_);
  if (node.state != Node::State::waiting) {
    awaited_ = &node;
    done_.wait(lock, [&node] { return node.state == Node::State::done; });
    awaited_ = nullptr;
    return;
  }
  node.state = Node::State::reading;
  const auto place = std::find(waiting_.rbegin(), waiting_.rend(), &node);
  if (place != waiting_.rend()) waiting_.erase(std::next(place).base());
  lock.unlock();
  read(node);
  lock.lock();
  push_children(node);
  if (idle_ > 0 && !waiting_.empty()) work_.notify_all();
  if (threads_.empty() && waiting_.size() >= kStartThreadsAt) {
    for (size_t i = 0; i < kThreads; ++i) threads_.emplace_back([this] { run(); });
  }
}

void TreeWalker::release(Node& node) {
  const size_t count = node.listing.entries.size();
  node.listing = DirListing{};
  const std::lock_guard lock(mutex_);
  const bool was_much = ahead_ >= kWindow / 2;
  ahead_ -= count;
  // Not for each little room: waking a thread costs as much as a small directory.
  if (was_much && ahead_ < kWindow / 2 && idle_ > 0) work_.notify_all();
}

void TreeWalker::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    work_.wait(lock, [this] { return stop_ || (!waiting_.empty() && ahead_ < kWindow); });
    --idle_;
    if (stop_) return;
    Node& node = *waiting_.back();
    waiting_.pop_back();
    node.state = Node::State::reading;
    lock.unlock();
    read(node);
    lock.lock();
    push_children(node);
    if (awaited_ == &node) done_.notify_one();
    if (idle_ > 0 && waiting_.size() > 1) work_.notify_one();
  }
}

}  // namespace twsync
