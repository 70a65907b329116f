#include <gtest/gtest.h>

#include "common/wire/agent_messages.h"
#include "common/wire/messages.h"

namespace twsync {
namespace {

Operation sample_operation() {
  Operation op;
  op.id = 7;
  op.kind = OpKind::put_file;
  op.path = "dir/\xff\n";
  op.desired.kind = Kind::file;
  op.desired.mtime_ns = -5;
  op.desired.digest = {DigestAlgorithm::xxh3_128_keyed, ~0ULL, 1};
  op.desired.owner = Name("root");
  op.desired.stamp.inode = ~0ULL;
  return op;
}

TEST(Codec, round_trips_a_batch) {
  Batch batch;
  batch.id = 3;
  batch.operations = {sample_operation(), Operation{}};
  auto back = decode<Batch>(encode(batch));
  ASSERT_TRUE(back.ok());
  ASSERT_EQ(back->operations.size(), 2u);
  EXPECT_EQ(back->operations[0].path, "dir/\xff\n");
  EXPECT_EQ(back->operations[0].desired.mtime_ns, -5);
  EXPECT_EQ(back->operations[0].desired.digest, batch.operations[0].desired.digest);
  EXPECT_EQ(back->operations[0].desired.stamp, batch.operations[0].desired.stamp);
  EXPECT_EQ(back->operations[1].desired.kind, Kind::none);
}

TEST(Codec, nothing_and_an_empty_directory_differ) {
  PathEntry directory{"d", {}};
  directory.entry.kind = Kind::directory;
  EXPECT_NE(encode(directory), encode(PathEntry{"d", {}}));
}

TEST(Codec, missing_trailing_fields_keep_defaults_and_extra_ones_are_ignored) {
  Writer w;
  w.array(1);
  w.bytes("path");
  auto scope = decode<Scope>(w.view());
  ASSERT_TRUE(scope.ok());
  EXPECT_FALSE(scope->recursive);

  Writer more;
  more.array(3);
  more.bytes("path");
  more.boolean(true);
  more.unsigned_int(9);
  auto longer = decode<Scope>(more.view());
  ASSERT_TRUE(longer.ok());
  EXPECT_TRUE(longer->recursive);
}

TEST(Codec, optional_values) {
  Event event;
  event.summary = Summary{};
  event.summary->operations = 4;
  auto back = decode<Event>(encode(event));
  ASSERT_TRUE(back.ok());
  ASSERT_TRUE(back->summary.has_value());
  EXPECT_EQ(back->summary->operations, 4u);
  EXPECT_FALSE(back->operation.has_value());
}

TEST(Codec, rejects_malformed_input) {
  const std::string good = encode(sample_operation());
  for (size_t cut = 0; cut < good.size(); ++cut) EXPECT_FALSE(decode<Operation>(good.substr(0, cut)).ok());
  EXPECT_FALSE(decode<Operation>(good + "x").ok());
  EXPECT_FALSE(decode<Operation>(std::string(100'000, '\x91')).ok());
  EXPECT_FALSE(decode<Operation>("\xdd\xff\xff\xff\xff").ok());
  EXPECT_FALSE(decode<Scope>(encode(std::vector<uint64_t>{1, 2})).ok());
}

}  // namespace
}  // namespace twsync
