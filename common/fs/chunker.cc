#include "common/fs/chunker.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

namespace twsync {

namespace {

constexpr uint32_t kSmallestAverage = 64U << 10U;
constexpr uint32_t kLargestAverage = 1U << 20U;
constexpr uint64_t kChunksAtMost = 64U << 10U;  // of one file, as long as the average can grow

/// Fixed pseudo-random numbers (splitmix64): both servers and every release cut alike.
constexpr std::array<uint64_t, 256> make_gears() {
  std::array<uint64_t, 256> gears{};
  uint64_t state = 0x7477'7379'6e63'0001;
  for (uint64_t& gear : gears) {
    state += 0x9e37'79b9'7f4a'7c15;
    uint64_t z = state;
    z = (z ^ (z >> 30U)) * 0xbf58'476d'1ce4'e5b9;
    z = (z ^ (z >> 27U)) * 0x94d0'49bb'1331'11eb;
    gear = z ^ (z >> 31U);
  }
  return gears;
}

constexpr std::array<uint64_t, 256> kGears = make_gears();

/// The `bits` highest bits: they depend on the last 64 bytes.
uint64_t high_bits(int bits) {
  return ~uint64_t{0} << static_cast<unsigned>(64 - bits);
}

/// How far `bytes` goes before a cut; its size when there is none.
size_t scan(std::string_view bytes, uint64_t& gear, uint64_t mask) {
  uint64_t hash = gear;
  size_t i = 0;
  for (; i < bytes.size(); ++i) {
    hash = (hash << 1U) + kGears[static_cast<unsigned char>(bytes[i])];
    if ((hash & mask) == 0) {
      ++i;
      break;
    }
  }
  gear = hash;
  return i;
}

}  // namespace

uint32_t chunk_average(uint64_t size) {
  uint32_t average = kSmallestAverage;
  while (average < kLargestAverage && size / average > kChunksAtMost) average *= 2;
  return average;
}

void Chunker::begin(uint32_t average, Guess guess) {
  const int bits = static_cast<int>(std::bit_width(average)) - 1;
  list_ = ChunkList{average, {}};
  smallest_ = average / 2;
  largest_ = average * 4;
  before_average_ = high_bits(bits + 1);
  after_average_ = high_bits(bits - 2);
  gear_ = 0;
  offset_ = 0;
  open_.clear();
  open_.reserve(largest_);
  guess_ = std::move(guess);
  guessed_ = {};
}

Status Chunker::feed(std::string_view bytes, const Sink& sink) {
  while (!bytes.empty()) {
    if (open_.empty() && guess_) {
      const Chunk* chunk = guess_();
      guessed_ = chunk != nullptr && chunk->size <= largest_ ? *chunk : Chunk{};
    }
    SYNC_TRY(guessed_.size != 0 ? feed_guessed(bytes, sink) : feed_piece(bytes, sink));
  }
  return {};
}

Status Chunker::feed_guessed(std::string_view& bytes, const Sink& sink) {
  const std::string_view piece = bytes.substr(0, guessed_.size - open_.size());
  open_.append(piece);
  bytes.remove_prefix(piece.size());
  if (open_.size() < guessed_.size) return {};
  const Chunk chunk = open_chunk();
  if (!chunk.same_content(guessed_)) return give_up_guess(sink);
  guessed_ = {};
  return add(chunk, sink);
}

Status Chunker::give_up_guess(const Sink& sink) {
  guessed_ = {};
  const std::string again = std::exchange(open_, {});
  open_.reserve(largest_);
  std::string_view rest = again;
  while (!rest.empty()) SYNC_TRY(feed_piece(rest, sink));
  return {};
}

Status Chunker::feed_piece(std::string_view& bytes, const Sink& sink) {
  const size_t have = open_.size();
  // No cut before the smallest size: those bytes need not even be looked at.
  const size_t bound = have < smallest_ ? smallest_ : have < list_.average ? list_.average : largest_;
  const std::string_view piece = bytes.substr(0, bound - have);
  size_t taken = piece.size();
  uint64_t hash = gear_;
  bool found = false;
  if (have >= smallest_) {
    const uint64_t mask = have < list_.average ? before_average_ : after_average_;
    taken = scan(piece, hash, mask);
    found = (hash & mask) == 0;
  }
  gear_ = hash;
  open_.append(piece.substr(0, taken));
  bytes.remove_prefix(taken);
  return found || open_.size() == largest_ ? cut(sink) : Status{};
}

Status Chunker::take_over(const Chunk* first, size_t count, const Sink& sink) {
  SYNC_TRY(cut(sink));
  for (const Chunk* chunk = first; chunk != first + count; ++chunk) {
    list_.chunks.push_back(*chunk);
    list_.chunks.back().offset = offset_;
    offset_ += chunk->size;
  }
  return {};
}

Status Chunker::skip(uint64_t zeros, const Sink& sink) {
  SYNC_TRY(cut(sink));
  offset_ += zeros;
  return {};
}

Status Chunker::end(const Sink& sink) {
  guess_ = {};
  return cut(sink);
}

Status Chunker::cut(const Sink& sink) {
  if (guessed_.size != 0) SYNC_TRY(give_up_guess(sink));
  gear_ = 0;
  return open_.empty() ? Status{} : add(open_chunk(), sink);
}

Chunk Chunker::open_chunk() {
  const Digest digest = hasher_.hash(open_);
  return {offset_, static_cast<uint32_t>(open_.size()), digest.high, digest.low};
}

Status Chunker::add(const Chunk& chunk, const Sink& sink) {
  list_.chunks.push_back(chunk);
  offset_ += chunk.size;
  Status status = sink ? sink(chunk, open_) : Status{};
  open_.clear();
  return status;
}

ChunkList Chunker::take_list() {
  return std::exchange(list_, {});
}

}  // namespace twsync
