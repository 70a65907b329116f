#include "common/ssh/frame_codec.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/base/check.h"
#include "common/base/spare_blocks.h"
#include "common/base/text.h"

namespace twsync {

namespace {

constexpr size_t kReadBuffer = 32U << 10U;  // the rest of a large payload is read to where it stays

void append_le(std::string& out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xFFU);
}

uint32_t read_le32(const char* data) {
  uint32_t value = 0;
  for (int i = 3; i >= 0; --i) value = value << 8U | static_cast<unsigned char>(data[i]);
  return value;
}

Error violation(std::string message) {
  return Error{ErrorCode::peer_violation, std::move(message), {}, 0};
}

}  // namespace

void append_frame_header(std::string& out, FrameType type, uint32_t stream, size_t payload_size) {
  append_le(out, payload_size, 4);
  append_le(out, static_cast<uint8_t>(type), 1);
  append_le(out, 0, 3);
  append_le(out, stream, 4);
}

FrameReader::FrameReader(bool expect_magic) : magic_seen_(!expect_magic), buffer_(new char[kReadBuffer]) {}

Result<size_t> FrameReader::read_from(ByteStream& stream, std::vector<Frame>& frames) {
  if (in_payload_ && frame_.payload.size() - filled_ >= kDirectBytes) {
    SYNC_ASSIGN(const size_t got, stream.read_some(frame_.payload.data() + filled_, frame_.payload.size() - filled_));
    filled_ += got;
    if (filled_ == frame_.payload.size()) end_frame(frames);
    return got;
  }
  SYNC_ASSIGN(const size_t got, stream.read_some(buffer_.get(), kReadBuffer));
  const std::string_view data(buffer_.get(), got);
  SYNC_TRY(magic_seen_ ? take(data, frames) : take_noise(data, frames));
  return got;
}

Status FrameReader::take_noise(std::string_view data, std::vector<Frame>& frames) {
  const size_t from = noise_.size() < kAgentMagic.size() ? 0 : noise_.size() - kAgentMagic.size();
  noise_ += data;
  const size_t at = noise_.find(kAgentMagic, from);
  if (at == std::string::npos) {
    if (noise_.size() > kMaxNoise) return violation("no answer came, only other output");
    return {};
  }
  magic_seen_ = true;
  const std::string rest = noise_.substr(at + kAgentMagic.size());
  noise_.resize(at);
  return take(rest, frames);
}

Status FrameReader::take(std::string_view data, std::vector<Frame>& frames) {
  while (!data.empty()) {
    if (!in_payload_) {
      const size_t n = std::min(data.size(), kFrameHeader - header_size_);
      std::memcpy(header_.data() + header_size_, data.data(), n);
      header_size_ += n;
      data.remove_prefix(n);
      if (header_size_ < kFrameHeader) return {};
      SYNC_TRY(begin_frame());
    }
    const size_t n = std::min(data.size(), frame_.payload.size() - filled_);
    std::memcpy(frame_.payload.data() + filled_, data.data(), n);
    filled_ += n;
    data.remove_prefix(n);
    if (filled_ == frame_.payload.size()) end_frame(frames);
  }
  return {};
}

Status FrameReader::begin_frame() {
  const uint32_t size = read_le32(header_.data());
  if (size > kMaxFrame) return violation(str("a frame of ", size, " bytes is larger than allowed"));
  if (header_[5] != 0 || header_[6] != 0 || header_[7] != 0) return violation("a frame header with unknown flags");
  frame_.type = static_cast<FrameType>(header_[4]);
  frame_.stream = read_le32(header_.data() + 8);
  // What it is filled with comes next: no need to clear it.
  frame_.payload = size < SpareBlocks::kLeast ? std::string(size, '\0') : SpareBlocks::shared().take(size);
  header_size_ = 0;
  filled_ = 0;
  in_payload_ = true;
  return {};
}

void FrameReader::end_frame(std::vector<Frame>& frames) {
  frames.push_back(std::move(frame_));
  frame_ = Frame{};
  in_payload_ = false;
}

void FrameWriter::add(Frame frame) {
  SYNC_CHECK(has_room(), "frame added to a full writer");
  if (pos_ > 0) {
    out_.erase(0, pos_);
    pos_ = 0;
  }
  append_frame_header(out_, frame.type, frame.stream, frame.payload.size());
  if (frame.payload.size() < kDirectBytes) {
    out_ += frame.payload;
    return;
  }
  // The header never travels alone: a small write costs as much as a large one in an SSH packet.
  large_pos_ = kDirectBytes / 2;
  out_.append(frame.payload, 0, large_pos_);
  large_ = std::move(frame.payload);
}

Result<size_t> FrameWriter::write_to(ByteStream& stream) {
  if (pos_ < out_.size()) {
    SYNC_ASSIGN(const size_t taken, stream.write_some(out_.data() + pos_, out_.size() - pos_));
    pos_ += taken;
    if (pos_ == out_.size()) {
      out_.clear();
      pos_ = 0;
    }
    return taken;
  }
  SYNC_ASSIGN(const size_t taken, stream.write_some(large_.data() + large_pos_, large_.size() - large_pos_));
  large_pos_ += taken;
  if (large_pos_ == large_.size()) {
    SpareBlocks::shared().give(std::exchange(large_, {}));
    large_pos_ = 0;
  }
  return taken;
}

}  // namespace twsync
