#include "common/base/hasher.h"

#include <sys/random.h>

#include "common/base/check.h"
#include "common/base/text.h"
#include "common/base/xxh3_wide.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace twsync {

namespace {

constexpr size_t kWorthACall = 1024;  // below, the call costs more than wide registers save

}  // namespace

struct Hasher::State {
  alignas(64) unsigned char secret[XXH3_SECRET_DEFAULT_SIZE];
  XXH3_state_t* xxh = XXH3_createState();
  ~State() { XXH3_freeState(xxh); }
  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

Hasher::Hasher(const HashKey& key) : state_(std::make_unique<State>()) {
  XXH3_generateSecret(state_->secret, sizeof state_->secret, key.data(), key.size());
  reset();
}

Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::reset() {
  XXH3_128bits_reset_withSecret(state_->xxh, state_->secret, sizeof state_->secret);
}

void Hasher::update(std::string_view bytes) {
  static const Xxh3Update wide = wide_xxh3_update();
  if (wide != nullptr && bytes.size() >= kWorthACall) return wide(state_->xxh, bytes.data(), bytes.size());
  XXH3_128bits_update(state_->xxh, bytes.data(), bytes.size());
}

Digest Hasher::finish() const {
  const XXH128_hash_t h = XXH3_128bits_digest(state_->xxh);
  return Digest{DigestAlgorithm::xxh3_128_keyed, h.high64, h.low64};
}

Digest Hasher::hash(std::string_view bytes) {
  reset();
  update(bytes);
  return finish();
}

uint64_t stable_hash64(std::string_view bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

void random_bytes(void* out, size_t size) {
  auto* cursor = static_cast<unsigned char*>(out);
  while (size > 0) {
    const ssize_t got = getrandom(cursor, size, 0);
    SYNC_CHECK(got > 0, "getrandom failed");
    cursor += got;
    size -= static_cast<size_t>(got);
  }
}

std::string random_hex(size_t bytes) {
  std::string raw(bytes, '\0');
  random_bytes(raw.data(), raw.size());
  return hex_encode(raw);
}

std::string to_string(const Digest& digest) {
  if (!digest.known()) return "-";
  std::string raw(16, '\0');
  for (unsigned i = 0; i < 8; ++i) {
    raw[i] = static_cast<char>(digest.high >> (56 - 8 * i));
    raw[8 + i] = static_cast<char>(digest.low >> (56 - 8 * i));
  }
  return hex_encode(raw);
}

}  // namespace twsync
