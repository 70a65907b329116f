#pragma once
// Frames <-> bytes on a ByteStream, without threads or clocks. Used by the pump of a Connection only.
//
//   u32 length of payload | u8 type | u8 flags | u16 zero | u32 stream     (little-endian), then the payload

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/ssh/connection.h"

namespace twsync {

constexpr size_t kFrameHeader = 12;
/// Output is written in pieces of about this size; payloads from kDirectBytes on are written without a copy.
constexpr size_t kWriteBatch = 256U << 10U;
constexpr size_t kDirectBytes = 64U << 10U;
constexpr size_t kMaxNoise = 64U << 10U;

void append_frame_header(std::string& out, FrameType type, uint32_t stream, size_t payload_size);

/// Cuts input into frames; skips what comes before the magic, if one is expected.
class FrameReader {
 public:
  explicit FrameReader(bool expect_magic);

  /// One read_some; appends the frames that became complete. Bytes read, 0 = nothing now.
  /// Errors: the stream's, or peer_violation for a frame that cannot be.
  Result<size_t> read_from(ByteStream& stream, std::vector<Frame>& frames);
  bool magic_seen() const { return magic_seen_; }
  /// What came before the magic (bounded), for a message when it never comes.
  const std::string& noise() const { return noise_; }

 private:
  Status take(std::string_view data, std::vector<Frame>& frames);
  Status take_noise(std::string_view data, std::vector<Frame>& frames);
  Status begin_frame();
  void end_frame(std::vector<Frame>& frames);

  bool magic_seen_;
  std::string noise_;
  std::unique_ptr<char[]> buffer_;
  std::array<char, kFrameHeader> header_{};
  size_t header_size_ = 0;
  Frame frame_;  ///< being filled; its payload has the announced size
  size_t filled_ = 0;
  bool in_payload_ = false;
};

/// Turns frames into few large writes.
class FrameWriter {
 public:
  /// Everything handed to the stream.
  bool empty() const { return pos_ == out_.size() && large_pos_ == large_.size(); }
  /// True while another frame may be added before the next write.
  bool has_room() const { return large_.empty() && out_.size() - pos_ < kWriteBatch; }
  void add_raw(std::string_view bytes) { out_ += bytes; }
  void add(Frame frame);  ///< REQUIRES: has_room()
  /// One write_some. Bytes taken, 0 = not now. REQUIRES: !empty()
  Result<size_t> write_to(ByteStream& stream);

 private:
  std::string out_;
  size_t pos_ = 0;
  std::string large_;  ///< the rest of a large payload, behind out_
  size_t large_pos_ = 0;
};

}  // namespace twsync
