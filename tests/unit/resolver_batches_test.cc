#include <gtest/gtest.h>

#include "workers/resolver/plan_batches.h"

namespace twsync {
namespace {

Operation put(const std::string& path, Side side, uint64_t size, uint32_t group = 0) {
  Operation op;
  op.kind = OpKind::put_file;
  op.stage = OpStage::content;
  op.side = side;
  op.path = path;
  op.desired.size = size;
  op.group = group;
  return op;
}

std::vector<Batch> cut_batches(const std::vector<Operation>& operations, const BatchLimits& limits) {
  std::vector<const Operation*> all;
  for (const Operation& op : operations) all.push_back(&op);
  BatchCutter cutter(all, limits);
  std::vector<Batch> out;
  while (auto batch = cutter.next()) out.push_back(std::move(*batch));
  return out;
}

std::vector<size_t> sizes(const std::vector<Batch>& batches) {
  std::vector<size_t> out;
  for (const auto& b : batches) out.push_back(b.operations.size());
  return out;
}

TEST(Batches, cut_by_count_and_by_bytes_per_side) {
  std::vector<Operation> ops;
  for (int i = 0; i < 5; ++i) ops.push_back(put(std::to_string(i), Side::deploy, 1));
  ops.push_back(put("big", Side::deploy, 100));
  ops.push_back(put("c", Side::code, 1));
  const auto batches = cut_batches(ops, {2, 10, 50});
  EXPECT_EQ(sizes(batches), (std::vector<size_t>{2, 2, 1, 1, 1}));
  size_t total = 0;
  for (const auto& b : batches) {
    for (const auto& op : b.operations) EXPECT_EQ(op.side, b.side);
    total += b.operations.size();
  }
  EXPECT_EQ(total, ops.size());
}

TEST(Batches, a_group_is_never_cut) {
  std::vector<Operation> ops;
  for (int i = 0; i < 6; ++i) ops.push_back(put(std::to_string(i), Side::deploy, 40, 7));
  EXPECT_EQ(cut_batches(ops, {2, 10, 50}).size(), 1u);
}

TEST(Batches, a_message_stays_small_enough_for_a_frame) {
  std::vector<Operation> ops;
  for (int i = 0; i < 8; ++i) ops.push_back(put(std::string(4000, 'x') + std::to_string(i), Side::deploy, 1));
  EXPECT_EQ(sizes(cut_batches(ops, {500, 2000, 1000, 10'000})), (std::vector<size_t>{2, 2, 2, 2}));
}

std::vector<Operation> of_directories(int count, OpKind kind, OpStage stage) {
  std::vector<Operation> ops;
  for (int i = 0; i < count; ++i) {
    ops.push_back(put(std::to_string(i), Side::code, 0));
    ops.back().kind = kind;
    ops.back().stage = stage;
    ops.back().desired.mode = 0755;
  }
  return ops;
}

TEST(Batches, ordered_stages_keep_the_plans_order) {
  const auto ops = of_directories(5, OpKind::make_directory, OpStage::structure);
  const auto batches = cut_batches(ops, {1, 3, 50});
  EXPECT_EQ(sizes(batches), (std::vector<size_t>{3, 2}));
  EXPECT_TRUE(batches[0].ordered);
  EXPECT_EQ(batches[1].operations[1].path, "4");
}

TEST(Batches, directory_metadata_that_may_keep_us_out_is_ordered) {
  auto ops = of_directories(4, OpKind::set_metadata, OpStage::directory_metadata);
  auto batches = cut_batches(ops, {2, 3, 50});
  EXPECT_EQ(sizes(batches), (std::vector<size_t>{2, 2}));
  EXPECT_FALSE(batches[0].ordered);
  ops[2].desired.mode = 0500;
  batches = cut_batches(ops, {2, 3, 50});
  EXPECT_EQ(sizes(batches), (std::vector<size_t>{3, 1}));
  EXPECT_TRUE(batches[0].ordered);
}

}  // namespace
}  // namespace twsync
