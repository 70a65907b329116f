#pragma once
// Who registered at the back socket, what it serves, how busy it is and when it was last heard. Pure.

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/wire/messages.h"

namespace twsync {

class WorkerTable {
 public:
  static constexpr int64_t kLivenessNs = 3 * kSecond;

  struct Worker {
    std::string identity;
    WorkerReady ready;
    std::string doing;
    int64_t seen = 0;
    uint32_t busy = 0;        ///< tasks or leases it holds
    uint64_t last_given = 0;  ///< for taking turns
    bool serves(const std::string& pair) const;
    bool has_room() const { return busy < ready.credit; }
  };

  Worker& add(const std::string& identity, WorkerReady ready, int64_t now);
  Worker* find(const std::string& identity);
  void remove(const std::string& identity) { workers_.erase(identity); }
  /// The least busy one of the service that serves the pair and has room, in turn; nullptr = none.
  Worker* pick(const std::string& service, const std::string& pair);
  bool any_for(const std::string& service, const std::string& pair) const;
  void give(Worker& worker);
  void take_back(const std::string& identity);

  /// Those that have been silent for longer than kLivenessNs. Time in which the broker itself did not run does not
  /// count: call forgive() with it first.
  std::vector<std::string> silent(int64_t now) const;
  void forgive(int64_t gap);
  const std::map<std::string, Worker>& all() const { return workers_; }

 private:
  std::map<std::string, Worker> workers_;
  uint64_t turn_ = 0;
};

}  // namespace twsync
