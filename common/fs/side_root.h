#pragma once
// One side's root as a scanner and an applier see it, local or through an agent.

#include <concepts>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "common/wire/agent_messages.h"

namespace twsync {

/// Scanner's view of one side. One thread at a time; calls block.
/// After ErrorCode::unreachable or peer_violation only destruction may follow.
class SideReader {
 public:
  /// Where a listing goes.
  class EntrySink {
   public:
    using Entries = std::function<Status(std::vector<PathEntry>&&)>;
    using Known = std::function<Status(uint32_t number)>;
    template <class F>
    requires std::convertible_to<F, Entries> EntrySink(F entries)
        : entries_(std::move(entries)) {}  // NOLINT: most want entries alone
    EntrySink(Entries entries, Known known) : entries_(std::move(entries)), known_(std::move(known)) {}
    Status operator()(std::vector<PathEntry>&& entries) const { return entries_(std::move(entries)); }
    /// In place of its entries: the how-many-th range of ListRequest::known, from 1.
    Status known(uint32_t number) const {
      if (known_) return known_(number);
      return Error{ErrorCode::peer_violation, "a range was listed that nobody knows", {}, 0};
    }

   private:
    Entries entries_;
    Known known_;
  };
  virtual ~SideReader() = default;

  virtual Result<SideFacts> facts() = 0;
  /// The lock alone, which claim() then keeps. Only where this pair's marker stands already: nothing is made.
  /// not_found: it doesn't. unsupported: this side can't.
  virtual Status reserve(const std::string& pair_id, const std::string& holder);
  /// The lock alone, as claim() takes it: makes what is missing. unsupported: this side can't.
  virtual Status lock(const std::string& pair_id, const std::string& holder);
  /// Lock + marker; held until destruction. busy = another controller, with its name in the message.
  virtual Status claim(const Claim& claim) = 0;
  /// The lock of another pair as well, whose marker stands here; kept like one's own. busy, as claim(). unsupported:
  /// this side can't.
  virtual Status exclude(const std::string& pair_id, const std::string& holder);
  /// Removes what claim() made, and all versions with it; of no further use afterwards. REQUIRES: claim().
  virtual Status forget();
  /// Streams entries in compare_paths order to `sink` in bounded pieces.
  virtual Result<ListEnd> list(const ListRequest& request, const EntrySink& sink) = 0;
  virtual Result<DigestReply> digest(const DigestRequest& request) = 0;
  /// A file of at most 1 MiB (".twsyncignore"); not_found when nothing stands there.
  virtual Result<std::string> read_small(const std::string& path) = 0;
  /// Everything on the root's file system is on its disk when it returns ok.
  virtual Status flush() = 0;
  /// Looks after the version store (version_care.h) and tells what it holds and what room there is. REQUIRES: claim().
  /// unsupported: nobody does that on this side.
  virtual Result<TendReply> tend(const TendRequest& request);
  /// Starts (or, with other rules, starts again) a watch of the whole root; where hints go is the implementation's
  /// business. unsupported: this side is not watched, poll instead.
  virtual Status watch(const WatchRequest& request);
  /// Returns when every event that was queued before the call has gone where hints go. unsupported: what happened can't
  /// be known from the watch, look instead.
  virtual Status cookie();
};

inline Status SideReader::reserve(const std::string&, const std::string&) {
  return Error{ErrorCode::unsupported, "this side is only locked as a whole", {}, 0};
}

inline Status SideReader::exclude(const std::string&, const std::string&) {
  return Error{ErrorCode::unsupported, "this side only locks its own pair", {}, 0};
}

inline Status SideReader::forget() {
  return Error{ErrorCode::unsupported, "this side's state is not removed from here", {}, 0};
}

inline Status SideReader::lock(const std::string&, const std::string&) {
  return Error{ErrorCode::unsupported, "this side is only locked as a whole", {}, 0};
}

inline Status SideReader::watch(const WatchRequest&) {
  return Error{ErrorCode::unsupported, "this side has no watch", {}, 0};
}

inline Status SideReader::cookie() {
  return Error{ErrorCode::unsupported, "this side has no watch", {}, 0};
}

inline Result<TendReply> SideReader::tend(const TendRequest&) {
  return Error{ErrorCode::unsupported, "this side's version store is not looked after", {}, 0};
}

}  // namespace twsync
