#include "workers/agent/packed.h"

#include <zstd.h>

#include <cstdint>

#include "common/base/check.h"

namespace twsync {
namespace {

constexpr size_t kCompressAbove = 4096;
constexpr size_t kHeader = 5;
constexpr int kLevel = 1;  // listings: 7x at wire speed; higher levels only cost time
constexpr char kRaw = 0;
constexpr char kZstd = 1;

std::string raw_payload(std::string_view raw) {
  std::string out(1, kRaw);
  out += raw;
  return out;
}

Error bad(const char* what) {
  return Error{ErrorCode::peer_violation, what, {}, 0};
}

}  // namespace

std::string pack_payload(std::string_view raw) {
  SYNC_CHECK(raw.size() <= UINT32_MAX, "payload too large to pack");
  if (raw.size() <= kCompressAbove) return raw_payload(raw);
  std::string out(kHeader + ZSTD_compressBound(raw.size()), '\0');
  const size_t size = ZSTD_compress(out.data() + kHeader, out.size() - kHeader, raw.data(), raw.size(), kLevel);
  if (ZSTD_isError(size) != 0 || size + kHeader > raw.size()) return raw_payload(raw);
  out[0] = kZstd;
  for (size_t i = 0; i < 4; ++i) out[1 + i] = static_cast<char>((raw.size() >> (8 * i)) & 0xffU);
  out.resize(kHeader + size);
  return out;
}

Result<std::string> unpack_payload(std::string_view packed, size_t limit) {
  if (packed.empty()) return bad("empty payload");
  if (packed[0] == kRaw) {
    if (packed.size() - 1 > limit) return bad("payload too large");
    return std::string(packed.substr(1));
  }
  if (packed[0] != kZstd || packed.size() < kHeader) return bad("payload of unknown packing");
  size_t raw_size = 0;
  for (size_t i = 0; i < 4; ++i) raw_size |= static_cast<size_t>(static_cast<unsigned char>(packed[1 + i])) << (8 * i);
  if (raw_size > limit) return bad("payload too large when unpacked");
  std::string raw(raw_size, '\0');
  const size_t size = ZSTD_decompress(raw.data(), raw.size(), packed.data() + kHeader, packed.size() - kHeader);
  if (ZSTD_isError(size) != 0 || size != raw_size) return bad("payload does not unpack");
  return raw;
}

}  // namespace twsync
