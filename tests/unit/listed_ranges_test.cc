// Ranges of a listing: cut alike by whoever lists the same, and told in place of their entries.
#include "common/fs/listed_ranges.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace twsync {
namespace {

const HashKey kKey{1, 2, 3};

PathEntry file(const std::string& path, uint64_t inode) {
  PathEntry listed{path, {}};
  listed.entry.kind = Kind::file;
  listed.entry.mode = 0644;
  listed.entry.size = 5;
  listed.entry.stamp = {inode, 5, 100, 100};
  return listed;
}

std::vector<PathEntry> tree(size_t count) {
  std::vector<PathEntry> out{{"", {}}};
  for (size_t i = 0; i < count; ++i) {
    std::string name = std::to_string(100'000 + i);
    out.push_back(file(name, i + 1));
  }
  return out;
}

/// The digests of all ranges, as one who was told all entries finds them.
std::string ranges_of(const std::vector<PathEntry>& entries, const HashKey& key = kKey) {
  std::string out;
  RangeCutter cutter(key);
  bool open = false;
  for (const PathEntry& listed : entries) {
    if (listed.path.empty()) continue;
    open = !cutter.add(listed);
    if (!open) append_known(out, cutter.take());
  }
  if (open) append_known(out, cutter.take());
  return out;
}

struct Told {
  std::vector<std::string> paths;
  std::vector<uint32_t> known;
};

Told fold(std::vector<PathEntry> entries, const std::string& known, const HashKey& key = kKey) {
  Told told;
  const SideReader::EntrySink sink(
      [&](std::vector<PathEntry>&& piece) {
        for (const PathEntry& one : piece) told.paths.push_back(one.path);
        return Status{};
      },
      [&](uint32_t number) {
        told.known.push_back(number);
        return Status{};
      });
  RangeFold range_fold(key, known, sink);
  EXPECT_TRUE(range_fold.add(std::move(entries)).ok());
  EXPECT_TRUE(range_fold.finish().ok());
  return told;
}

TEST(ListedRanges, what_is_known_is_told_by_number_in_order) {
  const std::string known = ranges_of(tree(5000));
  const size_t count = known.size() / kKnownRangeBytes;
  EXPECT_GT(count, 8U);
  const Told told = fold(tree(5000), known);
  EXPECT_EQ(told.paths, (std::vector<std::string>{""})) << "the root alone";
  ASSERT_EQ(told.known.size(), count);
  for (size_t i = 0; i < count; ++i) EXPECT_EQ(told.known[i], i + 1);
}

TEST(ListedRanges, one_change_opens_one_range) {
  const std::string known = ranges_of(tree(5000));
  const size_t count = known.size() / kKnownRangeBytes;
  std::vector<PathEntry> now = tree(5000);
  now[2500].entry.stamp.ctime_ns = 101;
  const Told told = fold(now, known);
  EXPECT_EQ(told.known.size(), count - 1);
  EXPECT_TRUE(std::find(told.paths.begin(), told.paths.end(), now[2500].path) != told.paths.end());
  EXPECT_LE(told.paths.size(), 2049U);
}

TEST(ListedRanges, an_entry_more_or_less_moves_no_other_cut) {
  const std::string known = ranges_of(tree(5000));
  const size_t count = known.size() / kKnownRangeBytes;
  std::vector<PathEntry> now = tree(5000);
  now.erase(now.begin() + 2500);
  EXPECT_GE(fold(now, known).known.size(), count - 2);
  now = tree(5000);
  now.insert(now.begin() + 2500, file(now[2499].path + "a", 9));
  EXPECT_GE(fold(now, known).known.size(), count - 2);
}

TEST(ListedRanges, every_field_counts) {
  const std::vector<PathEntry> before{file("a", 1)};
  const std::string known = ranges_of(before);
  ASSERT_EQ(fold(before, known).known.size(), 1U);
  using Change = void (*)(Entry&);
  const std::vector<Change> changes{
      [](Entry& e) { e.kind = Kind::other; },
      [](Entry& e) { e.mode = 0600; },
      [](Entry& e) { e.links = 2; },
      [](Entry& e) { e.uid = 7; },
      [](Entry& e) { e.gid = 7; },
      [](Entry& e) { e.owner = Name("x"); },
      [](Entry& e) { e.group = Name("x"); },
      [](Entry& e) { e.xattrs = Name("x"); },
      [](Entry& e) { e.size = 6; },
      [](Entry& e) { e.mtime_ns = 6; },
      [](Entry& e) { e.target = "x"; },
      [](Entry& e) { e.stamp.inode = 9; },
      [](Entry& e) { e.stamp.size = 9; },
      [](Entry& e) { e.stamp.mtime_ns = 9; },
      [](Entry& e) { e.stamp.ctime_ns = 9; },
      [](Entry& e) { e.digest.low = 9; },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    std::vector<PathEntry> now = before;
    changes[i](now[0].entry);
    EXPECT_TRUE(fold(now, known).known.empty()) << i;
  }
  EXPECT_TRUE(fold({file("b", 1)}, known).known.empty());
}

TEST(ListedRanges, fields_do_not_run_into_each_other) {
  std::vector<PathEntry> before{file("a", 1)};
  before[0].entry.owner = Name("ab");
  std::vector<PathEntry> now{file("a", 1)};
  now[0].entry.owner = Name("a");
  now[0].entry.group = Name("b");
  EXPECT_TRUE(fold(now, ranges_of(before)).known.empty());
}

TEST(ListedRanges, another_pairs_key_knows_nothing) {
  EXPECT_TRUE(fold(tree(600), ranges_of(tree(600)), HashKey{9}).known.empty());
}

TEST(ListedRanges, half_a_digest_is_none) {
  std::string known = ranges_of(tree(10));
  known.resize(known.size() - 1);
  EXPECT_TRUE(fold(tree(10), known).known.empty());
  EXPECT_EQ(fold(tree(10), "").paths.size(), 11U);
}

}  // namespace
}  // namespace twsync
