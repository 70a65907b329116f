#include "workers/scanner/early_listing.h"

#include <utility>

namespace twsync {

namespace {

constexpr size_t kMaxHeld = 50'000;

}  // namespace

EarlyListing::EarlyListing(std::unique_ptr<SideReader> reader, const ListRequest& request)
    : request_(encode(request)), reader_(std::move(reader)), thread_([this, request] { run(request); }) {}

EarlyListing::~EarlyListing() {
  {
    const std::lock_guard lock(mutex_);
    dropped_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

bool EarlyListing::is_for(const ListRequest& request) const {
  return encode(request) == request_;
}

void EarlyListing::run(const ListRequest& request) {
  const SideReader::EntrySink sink([this](std::vector<PathEntry>&& entries) { return put({std::move(entries)}); },
                                   [this](uint32_t number) {
                                     return put({{}, number});
                                   });
  auto end = reader_->list(request, sink);
  const std::lock_guard lock(mutex_);
  end_ = std::move(end);
  ended_ = true;
  changed_.notify_all();
}

Status EarlyListing::put(Piece&& piece) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return dropped_ || held_ < kMaxHeld; });
  if (dropped_) return Error{ErrorCode::cancelled, "nobody wants this listing", {}, 0};
  held_ += piece.entries.size();
  ready_.push_back(std::move(piece));
  changed_.notify_all();
  return {};
}

Result<ListEnd> EarlyListing::take(const SideReader::EntrySink& sink) {
  for (;;) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return ended_ || !ready_.empty(); });
    if (ready_.empty()) return std::move(end_);
    Piece piece = std::move(ready_.front());
    ready_.pop_front();
    held_ -= piece.entries.size();
    changed_.notify_all();
    lock.unlock();
    SYNC_TRY(piece.known != 0 ? sink.known(piece.known) : sink(std::move(piece.entries)));
  }
}

}  // namespace twsync
