// Packed payloads and the splitting of what is too large for one frame.
#include <gtest/gtest.h>

#include "workers/agent/frame_split.h"
#include "workers/agent/packed.h"

namespace twsync {
namespace {

TEST(Packed, GoesThereAndBack) {
  for (const size_t size : {0UL, 1UL, 4096UL, 4097UL, 1'000'000UL}) {
    const std::string raw(size, 'x');
    const Result<std::string> back = unpack_payload(pack_payload(raw), kMaxFrame);
    ASSERT_TRUE(back.ok());
    EXPECT_EQ(*back, raw);
  }
}

TEST(Packed, CompressesOnlyWhatIsLargeEnough) {
  EXPECT_EQ(pack_payload(std::string(4096, 'x')).size(), 4097U);
  EXPECT_LT(pack_payload(std::string(4097, 'x')).size(), 200U);
}

TEST(Packed, RefusesABomb) {
  const std::string packed = pack_payload(std::string(1'000'000, '\0'));
  EXPECT_EQ(unpack_payload(packed, 999'999).error().code, ErrorCode::peer_violation);
}

TEST(Packed, RefusesGarbage) {
  const std::string good = pack_payload(std::string(10'000, 'y'));
  std::string wrong_size = good;
  wrong_size[1] = static_cast<char>(wrong_size[1] + 1);
  std::string cut = good.substr(0, good.size() - 3);
  for (const std::string& bad : {std::string(), std::string("\2abc"), std::string("\1ab"), wrong_size, cut}) {
    EXPECT_EQ(unpack_payload(bad, kMaxFrame).error().code, ErrorCode::peer_violation);
  }
}

OpResult result(uint32_t id, size_t bytes) {
  OpResult one;
  one.id = id;
  one.message.assign(bytes, 'm');
  return one;
}

TEST(FrameSplit, ResultsKeepOrderAndOnlyTheLastPieceEnds) {
  BatchResult whole;
  whole.batch = 7;
  whole.wire_bytes = 99;
  for (uint32_t id = 0; id < 100; ++id) whole.results.push_back(result(id, 1'000));
  const std::vector<BatchResult> pieces = split_results(whole, 10'000);
  ASSERT_GT(pieces.size(), 5U);
  uint32_t next = 0;
  for (size_t i = 0; i < pieces.size(); ++i) {
    EXPECT_LE(encode(pieces[i]).size(), 10'000U);
    EXPECT_EQ(pieces[i].batch, 7U);
    EXPECT_EQ(pieces[i].last, i + 1 == pieces.size());
    for (const OpResult& one : pieces[i].results) EXPECT_EQ(one.id, next++);
  }
  EXPECT_EQ(next, 100U);
  EXPECT_EQ(pieces.back().wire_bytes, 99U);
}

TEST(FrameSplit, TheBoundHoldsForTheWorstResult) {
  BatchResult whole;
  OpResult worst = result(UINT32_MAX, 300);
  worst.sys_errno = INT32_MIN;
  worst.bytes = UINT64_MAX;
  worst.version = std::string(64, 'v');
  for (Entry* entry : {&worst.target, &worst.source}) {
    entry->kind = Kind::file;
    entry->mode = entry->links = entry->uid = entry->gid = UINT32_MAX;
    entry->owner = Name("an_owner_with_a_long_name");
    entry->size = UINT64_MAX;
    entry->mtime_ns = INT64_MIN;
    entry->digest = {DigestAlgorithm::xxh3_128_keyed, UINT64_MAX, UINT64_MAX};
    entry->target = std::string(300, 't');
    entry->stamp = {UINT64_MAX, UINT64_MAX, INT64_MIN, INT64_MIN};
  }
  for (int i = 0; i < 50; ++i) whole.results.push_back(worst);
  for (const BatchResult& piece : split_results(whole, 5'000)) EXPECT_LE(encode(piece).size(), 5'000U);
}

TEST(FrameSplit, NotesTravelWhole) {
  ListEnd notes;
  notes.started_ns = 42;
  for (int i = 0; i < 1'000; ++i) {
    notes.ignored.push_back("ignored/" + std::to_string(i));
    notes.unreadable.push_back({ErrorCode::denied, "no", "dark/" + std::to_string(i), 13});
  }
  const std::vector<ListEnd> pieces = split_notes(notes, 5'000);
  ASSERT_GT(pieces.size(), 3U);
  size_t ignored = 0, unreadable = 0;
  for (const ListEnd& piece : pieces) {
    EXPECT_LE(encode(piece).size(), 5'200U);
    EXPECT_EQ(piece.error.code, ErrorCode::ok);
    ignored += piece.ignored.size();
    unreadable += piece.unreadable.size();
  }
  EXPECT_EQ(ignored, 1'000U);
  EXPECT_EQ(unreadable, 1'000U);
  EXPECT_EQ(pieces.back().started_ns, 42);
  EXPECT_EQ(split_notes(ListEnd{}).size(), 1U);
}

}  // namespace
}  // namespace twsync
