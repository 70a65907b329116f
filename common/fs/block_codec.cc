#include "common/fs/block_codec.h"

#include <zstd.h>

#include <algorithm>

#include "common/base/check.h"
#include "common/fs/content_format.h"
#include "common/fs/violation.h"

namespace twsync {

namespace {

constexpr unsigned char kCompressed = 1;
constexpr unsigned kMaxSkip = 32;
constexpr size_t kTooSmall = 512;  // says nothing about what comes next

/// No page of it is there before it is written to: a session that carries nothing costs nothing.
using Untouched = std::unique_ptr<char[]>;

/// REQUIRES: kBlockHead bytes.
void put_head(std::string& out, unsigned char flags, size_t raw_size) {
  std::fill_n(out.begin(), kBlockHead, '\0');
  out[0] = static_cast<char>(flags);
  for (size_t i = 0; i < 4; ++i) out[4 + i] = static_cast<char>(raw_size >> (8 * i));
}

}  // namespace

struct BlockEncoder::Context {
  ZSTD_CCtx* zstd = ZSTD_createCCtx();
  const size_t size = ZSTD_compressBound(kMaxRawBlock);
  const Untouched buffer = std::make_unique_for_overwrite<char[]>(size);
  Context() = default;
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() { ZSTD_freeCCtx(zstd); }
};

BlockEncoder::BlockEncoder(int level) : context_(std::make_unique<Context>()), level_(level) {}
BlockEncoder::~BlockEncoder() = default;

std::string BlockEncoder::encode(std::string_view raw, bool compress) {
  std::string block(kBlockHead, '\0');
  block += raw;
  return encode_in_place(std::move(block), compress);
}

std::string BlockEncoder::encode_in_place(std::string block, bool compress) {
  const std::string_view raw = std::string_view(block).substr(kBlockHead);
  SYNC_CHECK(!raw.empty() && raw.size() <= kMaxRawBlock, "content block size");
  if (compress && raw.size() >= kTooSmall && skip_ == 0) {
    char* const buffer = context_->buffer.get();
    const size_t size = ZSTD_compressCCtx(context_->zstd, buffer, context_->size, raw.data(), raw.size(), level_);
    if (ZSTD_isError(size) == 0U && size < raw.size() - raw.size() / 16) {
      next_skip_ = 1;
      std::string out;
      out.reserve(kBlockHead + size);
      out.append(kBlockHead, '\0');
      put_head(out, kCompressed, raw.size());
      out.append(buffer, size);
      return out;
    }
    skip_ = next_skip_;
    next_skip_ = std::min(next_skip_ * 2, kMaxSkip);
  } else if (skip_ > 0) {
    --skip_;
  }
  put_head(block, 0, raw.size());
  return block;
}

struct BlockDecoder::Context {
  ZSTD_DCtx* zstd = ZSTD_createDCtx();
  const Untouched buffer = std::make_unique_for_overwrite<char[]>(kMaxRawBlock);
  Context() = default;
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() { ZSTD_freeDCtx(zstd); }
};

BlockDecoder::BlockDecoder() : context_(std::make_unique<Context>()) {}
BlockDecoder::~BlockDecoder() = default;

Result<std::string_view> BlockDecoder::decode(std::string_view block) {
  if (block.size() <= kBlockHead) return violation("a content block is too short");
  size_t raw_size = 0;
  for (size_t i = 0; i < 4; ++i) raw_size |= static_cast<size_t>(static_cast<unsigned char>(block[4 + i])) << (8 * i);
  const auto flags = static_cast<unsigned char>(block[0]);
  if (raw_size == 0 || raw_size > kMaxRawBlock || flags > kCompressed)
    return violation("a content block has a bad head");
  block.remove_prefix(kBlockHead);
  if (flags == 0) {
    if (block.size() != raw_size) return violation("a content block has a wrong length");
    return block;
  }
  char* const buffer = context_->buffer.get();
  const size_t got = ZSTD_decompressDCtx(context_->zstd, buffer, raw_size, block.data(), block.size());
  if (ZSTD_isError(got) != 0U || got != raw_size) return violation("a content block cannot be decompressed");
  return std::string_view(buffer, raw_size);
}

}  // namespace twsync
