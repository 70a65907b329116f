#pragma once
// A listing that goes on while its scan still waits for something else.

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/fs/side_root.h"

namespace twsync {

/// Lists in a thread of its own and holds at most some 50,000 entries ready; whoever drops it ends the listing.
class EarlyListing {
 public:
  EarlyListing(std::unique_ptr<SideReader> reader, const ListRequest& request);
  ~EarlyListing();
  EarlyListing(const EarlyListing&) = delete;
  EarlyListing& operator=(const EarlyListing&) = delete;

  bool is_for(const ListRequest& request) const;
  /// As SideReader::list(), in the caller's thread. Once.
  Result<ListEnd> take(const SideReader::EntrySink& sink);

 private:
  void run(const ListRequest& request);
  struct Piece {
    std::vector<PathEntry> entries;
    uint32_t known = 0;  ///< a range in their place, from 1
  };
  Status put(Piece&& piece);

  const std::string request_;  ///< encoded
  const std::unique_ptr<SideReader> reader_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Piece> ready_;
  size_t held_ = 0;  ///< entries in ready_
  bool dropped_ = false;
  bool ended_ = false;
  Result<ListEnd> end_ = ListEnd{};
  std::thread thread_;
};

}  // namespace twsync
