#pragma once
// Who registered at the back socket, what it serves, how busy it is and when it was last heard. Pure.

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/wire/beats.h"
#include "common/wire/messages.h"

namespace twsync {

class WorkerTable {
 public:
  struct Worker {
    std::string identity;
    WorkerReady ready;
    std::string doing;
    int64_t seen = 0;
    uint32_t busy = 0;           ///< tasks or leases it holds
    uint64_t last_given = 0;     ///< for taking turns
    int64_t interval = kBeatNs;  ///< of its heartbeats and ours, as it was told
    int64_t since = 0;           ///< its silence counts from then on: the interval was longer before
    int64_t next_beat = 0;       ///< when ours to it is due
    bool serves(const std::string& pair) const;
    bool has_room() const { return busy < ready.credit; }
  };

  Worker& add(const std::string& identity, WorkerReady ready, int64_t now);
  Worker* find(const std::string& identity);
  void remove(const std::string& identity) { workers_.erase(identity); }
  /// The least busy one of the service that serves the pair and has room, in turn; nullptr = none.
  Worker* pick(const std::string& service, const std::string& pair);
  bool any_for(const std::string& service, const std::string& pair) const;
  /// From now on it beats each second, and is gone after three of silence, until it holds nothing again.
  void give(Worker& worker, int64_t now);
  void take_back(const std::string& identity);
  /// It was sent a message that is no heartbeat: from then on it expects one each second, until it is told to rest.
  void told(const std::string& identity, int64_t now);

  struct Beat {
    std::string identity;
    int64_t interval;  ///< what it is to follow from now on
  };
  /// Whom to send a heartbeat now. A worker with nothing in flight that can rest is told to.
  std::vector<Beat> take_beats(int64_t now);
  /// When take_beats() has something again; INT64_MAX = never.
  int64_t next_beat() const;
  /// Some worker's connection ended, and only sending tells whose: everyone is sent a heartbeat at once, and each
  /// second for a while.
  void doubt(int64_t now);

  /// Those that have been silent for longer than three of their intervals. Time in which the broker itself did not run
  /// does not count: call forgive() with it first.
  std::vector<std::string> silent(int64_t now) const;
  void forgive(int64_t gap);
  const std::map<std::string, Worker>& all() const { return workers_; }

 private:
  static void hasten(Worker& worker, int64_t now);
  std::map<std::string, Worker> workers_;
  uint64_t turn_ = 0;
  int64_t doubt_until_ = 0;
};

}  // namespace twsync
