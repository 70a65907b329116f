// Content records, blocks and lines of the version index: there and back, and damaged.

#include <gtest/gtest.h>

#include "common/base/hasher.h"
#include "common/fs/block_codec.h"
#include "common/fs/compression_choice.h"
#include "common/fs/content_format.h"
#include "common/fs/version_store.h"

namespace twsync {
namespace {

TEST(ContentFormat, records_go_round) {
  BeginRecord begin;
  begin.op = 7;
  begin.as_planned = true;
  begin.source.kind = Kind::file;
  begin.source.mode = 06755;
  begin.source.size = 1ULL << 40U;
  begin.source.mtime_ns = -5;
  begin.source.stamp = {11, 1ULL << 40U, -5, 13};
  begin.source.owner = Name("user");
  begin.source.xattrs = Name(std::string(1000, 'x'));
  const std::string stream = encode_begin(begin) + encode_hole(5) + encode_abort() +
                             encode_failed({9, Error{ErrorCode::denied, "no", {}, 13}});
  RecordReader reader(stream);
  const auto back = decode_begin(reader.next()->body);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->op, 7U);
  EXPECT_TRUE(back->as_planned);
  EXPECT_EQ(back->source.mode, 06755U);
  EXPECT_EQ(back->source.stamp, begin.source.stamp);
  EXPECT_EQ(back->source.owner.str(), "user");
  EXPECT_EQ(back->source.xattrs, begin.source.xattrs);
  EXPECT_EQ(*decode_hole(reader.next()->body), 5U);
  EXPECT_EQ(reader.next()->type, RecordType::abort);
  const auto failed = decode_failed(reader.next()->body);
  EXPECT_EQ(failed->error.code, ErrorCode::denied);
  EXPECT_EQ(failed->error.sys_errno, 13);
  EXPECT_FALSE(reader.more());
}

// PROTOCOL_CONTENT.md, "Example".
TEST(ContentFormat, the_documented_example_is_what_is_sent) {
  BeginRecord begin;
  begin.op = 7;
  begin.as_planned = true;
  begin.source.mode = 0644;
  begin.source.size = 6;
  const std::string record = encode_begin(begin);
  EXPECT_EQ(record.substr(0, 4), std::string("\x01\x45\0\0", 4));
  EXPECT_EQ(record.size(), 73U);
  EXPECT_EQ(encode_end(Digest{DigestAlgorithm::xxh3_128_keyed, 1, 2}).substr(0, 5), std::string("\x04\x11\0\0\x01", 5));
}

TEST(ContentFormat, every_cut_is_a_violation) {
  BeginRecord begin;
  begin.source.owner = Name("user");
  const std::string whole = encode_begin(begin);
  for (size_t cut = 0; cut < whole.size(); ++cut) {
    RecordReader reader(std::string_view(whole).substr(0, cut));
    EXPECT_FALSE(reader.next()) << cut;
    // What 0.1.0 sent ends before the allocated bytes.
    if (cut < kRecordHead || cut == whole.size() - 8) continue;
    EXPECT_FALSE(decode_begin(std::string_view(whole).substr(kRecordHead, cut - kRecordHead))) << cut;
  }
}

TEST(ContentFormat, a_sender_that_says_nothing_of_allocated_bytes_means_the_size) {
  BeginRecord begin;
  begin.source.size = 1000;
  begin.allocated = 512;
  const std::string whole = encode_begin(begin).substr(kRecordHead);
  EXPECT_EQ(decode_begin(whole)->allocated, 512U);
  EXPECT_EQ(decode_begin(std::string_view(whole).substr(0, whole.size() - 8))->allocated, 1000U);
}

TEST(ContentFormat, a_twin_is_told_where_there_is_one) {
  BeginRecord begin;
  const std::string without = encode_begin(begin).substr(kRecordHead);
  EXPECT_EQ(decode_begin(without)->twin, 0U);
  begin.twin = 300;
  const std::string with = encode_begin(begin).substr(kRecordHead);
  EXPECT_EQ(with.size(), without.size() + 4);
  EXPECT_EQ(decode_begin(with)->twin, 300U);
  EXPECT_FALSE(decode_begin(std::string_view(with).substr(0, with.size() - 1)));
}

TEST(BlockCodec, goes_round_and_skips_what_does_not_shrink) {
  BlockEncoder encoder;
  BlockDecoder decoder;
  std::string noise(kMaxRawBlock, '\0');
  random_bytes(noise.data(), noise.size());
  const std::string text(kMaxRawBlock, 't');
  for (const std::string& raw : {text, noise, noise, noise, text, text, text, text, text, text, std::string("x")}) {
    const std::string block = encoder.encode(raw);
    EXPECT_LE(block.size(), raw.size() + 8);
    const auto back = decoder.decode(block);
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, raw);
  }
  EXPECT_LT(encoder.encode(text).size(), 1000U);  // compresses again by now
}

// A link of `with` and `without` raw bytes a second; returns whether it ends up compressing.
bool settles_on_compression(double with, double without) {
  CompressionChoice choice;
  for (int block = 0; block < 400; ++block) {
    const double rate = choice.compress() ? with : without;
    choice.sent(kMaxRawBlock, static_cast<int64_t>(static_cast<double>(kMaxRawBlock) / rate * 1e9));
  }
  return choice.compress();
}

TEST(CompressionChoice, compresses_where_the_link_is_what_holds_it_up) {
  EXPECT_TRUE(CompressionChoice().compress());        // a few files go compressed, unmeasured
  EXPECT_TRUE(settles_on_compression(300e6, 110e6));  // one gigabit
  EXPECT_TRUE(settles_on_compression(4e6, 1e6));
  EXPECT_FALSE(settles_on_compression(300e6, 600e6));  // loopback
  EXPECT_FALSE(settles_on_compression(130e6, 130e6));  // the receiver's disk holds it up
}

VersionRecord sample() {
  VersionRecord record;
  record.id = "0000000000000001-ab";
  record.path = "d/\xff\t\n %x";
  record.time_ns = 17;
  record.cause = LoserCause::suspect;
  record.entry.kind = Kind::file;
  record.entry.mode = 0644;
  record.entry.size = 5;
  record.entry.mtime_ns = -9;
  record.entry.digest = {DigestAlgorithm::xxh3_128_keyed, 0xfedcba9876543210ULL, 2};
  record.entry.stamp.inode = 99;
  record.epoch = 3;
  record.cycle = 4;
  record.how = Displaced::removed;
  record.stored = {9, 5, -9, 77};
  record.copy = "0000000000000002-ab";
  record.entry.uid = 10;
  record.entry.group = Name("g r");
  return record;
}

TEST(VersionIndex, lines_go_round) {
  const VersionRecord record = sample();
  const std::string line = format_version_line(record);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const auto back = parse_version_line(line);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->id, record.id);
  EXPECT_EQ(back->path, record.path);
  EXPECT_EQ(back->cause, record.cause);
  EXPECT_EQ(back->entry.digest, record.entry.digest);
  EXPECT_EQ(back->entry.mtime_ns, -9);
  EXPECT_EQ(back->entry.stamp.inode, 99U);
  EXPECT_EQ(back->cycle, 4U);
  EXPECT_EQ(back->how, Displaced::removed);
  EXPECT_EQ(back->stored, record.stored);
  EXPECT_EQ(back->copy, record.copy);
  EXPECT_EQ(back->entry.uid, 10U);
  EXPECT_EQ(back->entry.group.str(), "g r");
}

TEST(VersionIndex, settled_lines_go_round) {
  const SettledVersion settled{"0000000000000001-ab", {1, 2, -3, 4}};
  const std::string line = format_settled_line(settled);
  const auto back = parse_settled_line(line);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->id, settled.id);
  EXPECT_EQ(back->stored, settled.stored);
  EXPECT_FALSE(parse_version_line(line));
  EXPECT_FALSE(parse_settled_line(format_version_line(sample())));
  for (size_t cut = 0; cut < line.size(); ++cut) EXPECT_FALSE(parse_settled_line(line.substr(0, cut))) << cut;
}

// As release 0.1.0 wrote them.
TEST(VersionIndex, lines_of_schema_1_are_read) {
  const auto record = parse_version_line(
      "v1\t0000000000000001-ab\t17\t3\t1\t420\t5\t-9\t99\t1:fedcba9876543210:2\t3\t4\td/\xff%09%0a%20%25x\t\t"
      "cbdd0f35396d50aa");
  ASSERT_TRUE(record);
  EXPECT_EQ(record->id, "0000000000000001-ab");
  EXPECT_EQ(record->path, "d/\xff\t\n %x");
  EXPECT_EQ(record->cause, LoserCause::suspect);
  EXPECT_EQ(record->entry.size, 5U);
  EXPECT_EQ(record->entry.digest.high, 0xfedcba9876543210ULL);
  EXPECT_EQ(record->epoch, 3U);
  EXPECT_EQ(record->stored, Stamp{});
}

TEST(VersionIndex, a_torn_or_changed_line_is_seen) {
  const std::string line = format_version_line(sample());
  for (size_t cut = 0; cut < line.size(); ++cut) EXPECT_FALSE(parse_version_line(line.substr(0, cut))) << cut;
  for (size_t at = 0; at < line.size(); ++at) {
    std::string damaged = line;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    EXPECT_FALSE(parse_version_line(damaged)) << at;
  }
}

}  // namespace
}  // namespace twsync
