#pragma once
// Keyed content hashing: the only user of xxHash.

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/digest.h"

namespace twsync {

/// The pair's secret seed (32 bytes), made once per pair and kept in base.db, given to the agent in the handshake.
using HashKey = std::array<unsigned char, 32>;

/// Streaming XXH3-128 under a key. Not thread-safe; reusable after reset(). Copying is not needed, moving is.
class Hasher {
 public:
  explicit Hasher(const HashKey& key);
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;

  void reset();
  void update(std::string_view bytes);
  Digest finish() const;
  Digest hash(std::string_view bytes);  ///< reset + update + finish

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Unkeyed 64-bit hash for file names of state directories and the like; stable across releases.
uint64_t stable_hash64(std::string_view bytes);

/// Random bytes from the kernel (getrandom).
void random_bytes(void* out, size_t size);
std::string random_hex(size_t bytes);

}  // namespace twsync
