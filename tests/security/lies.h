#pragma once
// What a hostile agent makes of its honest answers.

#include <cstdint>
#include <random>
#include <string>

#include "common/wire/agent_messages.h"

namespace twsync {

struct RawFrame {
  FrameType type = FrameType::ping;
  uint32_t stream = 0;
  std::string payload;
};

/// Tells one kind of lie over a session. One thread.
class Liar {
 public:
  /// `lie` names it (lies.cc); `canary` is a path outside of both roots; `seed` is for "garbage".
  Liar(std::string lie, std::string canary, uint32_t seed)
      : lie_(std::move(lie)), canary_(std::move(canary)), random_(seed) {}
  static bool knows(const std::string& lie);

  /// Edits a frame on its way from the agent to the client.
  void twist(RawFrame& frame);

 private:
  void twist_listing(ListChunk& chunk);
  void twist_facts(FactsReply& reply);
  void twist_results(BatchResult& result);
  void twist_digests(DigestReply& reply);
  void garbage(std::string& payload);

  const std::string lie_;
  const std::string canary_;
  std::mt19937 random_;
};

}  // namespace twsync
