#pragma once
// Hints on their way to the broker: kept, bounded and in order until it has them.

#include <cstddef>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "common/wire/messages.h"

namespace twsync {

/// Any thread.
class HintOutbox {
 public:
  /// `limit`: hints of one root that are kept apart; above it they become one recursive hint on that root.
  explicit HintOutbox(size_t limit = 20'000) : limit_(limit) {}

  /// `pairs` are those on the root `root`; each gets every hint.
  void add_root(const std::string& root, std::vector<std::string> pairs);
  void add(const std::string& root, std::vector<Hint> hints);
  void set_state(const std::string& root, const std::string& state);
  /// Goes, to each of that root's pairs, behind all hints that were added before. Lost when the broker refuses it.
  void add_cookie(const std::string& root, const std::string& name, bool whole);
  /// Says every state again: a new broker does not know them.
  void repeat_states();

  /// Waits for something to send, at most `timeout_ms` (-1 = for ever) or until close(). What is taken stays here until
  /// sent() or failed().
  bool take(Publish& out, int timeout_ms);
  void sent();     ///< the broker has what the last take() gave
  void failed();   ///< it goes with the next take()
  void refused();  ///< the broker will never take it as it is: one recursive hint a root goes instead
  /// Waits, unless close() comes.
  void pause(int timeout_ms);
  /// Ends every wait, now and later.
  void close();

 private:
  struct Root {
    std::vector<std::string> pairs;
    std::vector<Hint> hints;  // not taken yet
    std::vector<Hint> taken;
    std::vector<CookieSeen> cookies;
    std::vector<CookieSeen> taken_cookies;
    std::string state;
    bool state_news = false;
  };
  static void collapse(Root& root);
  bool anything() const;

  const size_t limit_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Root> roots_;
  bool closed_ = false;
};

}  // namespace twsync
