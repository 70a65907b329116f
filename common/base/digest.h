#pragma once
// A content digest as a value. The algorithm's id is stored with each (DESIGN.md section 6).

#include <compare>
#include <cstdint>
#include <string>

namespace twsync {

/// Never renumber: stored in base.db and sent on the wire.
enum class DigestAlgorithm : uint8_t {
  unknown = 0,        ///< content not read
  xxh3_128_keyed = 1  ///< XXH3-128 with the pair's secret
};

struct Digest {
  DigestAlgorithm algorithm = DigestAlgorithm::unknown;
  uint64_t high = 0;
  uint64_t low = 0;

  bool known() const { return algorithm != DigestAlgorithm::unknown; }
  /// Two unknown digests compare equal as values; ask known() before concluding equal content.
  auto operator<=>(const Digest&) const = default;
};

/// 32 hex digits, or "-" when unknown.
std::string to_string(const Digest& digest);

}  // namespace twsync
