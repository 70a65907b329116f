#include "workers/resolver/first_contact.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <random>

#include "tests/support/tree_literals.h"

namespace twsync {
namespace {

constexpr size_t kPiece = 7;

class FirstContactTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/twsync-contact-XXXXXX";
    dir_ = mkdtemp(name);
    base_ = std::move(BaseStore::open(dir_ + "/base.db", BaseStore::Mode::read_write)).value();
  }
  void TearDown() override {
    base_.reset();
    std::filesystem::remove_all(dir_);
  }

  Entry entry(Kind kind, uint64_t inode, uint64_t content) {
    Entry e;
    e.kind = kind;
    e.mode = kind == Kind::directory ? 0755 : 0644;
    e.mtime_ns = static_cast<int64_t>(1000 + content);
    e.stamp = {inode, 0, e.mtime_ns, 1};
    if (kind != Kind::file) return e;
    e.size = e.stamp.size = content;
    e.digest = {DigestAlgorithm::xxh3_128_keyed, content, content};
    return e;
  }
  /// Some directories, files, links and linked files; about a third on both sides, of the same kind there.
  void grow(std::mt19937& draw, size_t entries) {
    std::vector<std::string> directories{""};
    std::vector<uint64_t> inodes;
    for (uint64_t n = 1; n <= entries; ++n) {
      const std::string path = join_path(directories[draw() % directories.size()], "n" + std::to_string(draw() % 40));
      if (pending_.find(Side::code, path) != nullptr || pending_.find(Side::deploy, path) != nullptr) continue;
      const auto what = draw() % 10;
      const Kind kind = what < 3 ? Kind::directory : what < 4 ? Kind::symlink : Kind::file;
      if (kind == Kind::directory) directories.push_back(path);
      const bool linked = kind == Kind::file && draw() % 8 == 0;
      const uint64_t inode = linked && !inodes.empty() ? inodes[draw() % inodes.size()] : n;
      if (linked) inodes.push_back(inode);
      const bool both = draw() % 3 == 0;
      for (const Side s : {Side::code, Side::deploy}) {
        if (!both && (s == Side::code) == (n % 5 == 0)) continue;
        Entry e = entry(kind, inode, linked ? inode : draw() % 3 + 1);
        if (linked) e.links = 2;
        if (kind == Kind::symlink) e.target = "to" + std::to_string(draw() % 2);
        pending_.set(s, path, e);
      }
    }
  }
  static std::vector<std::string> lines(const Plan& plan) {
    std::vector<std::string> out;
    for (const auto& op : plan.operations) out.push_back(testing_describe(op));
    for (const auto& c : plan.conflicts) out.push_back("conflict " + c.rule + " " + c.path);
    for (const auto& a : plan.agreements) out.push_back(twsync::testing::describe(a));
    std::sort(out.begin(), out.end());
    return out;
  }
  static std::string testing_describe(const Operation& op) {
    return twsync::testing::describe(op) + " " + std::to_string(op.desired.mode);
  }
  Result<std::optional<FirstContact>> contact(size_t piece = kPiece) {
    return FirstContact::of(pending_, *base_, piece, policy_);
  }
  /// All pieces one after another; `forget` = what a piece planned is carried out and pending no more.
  Plan in_pieces(bool forget) {
    auto contact = this->contact();
    EXPECT_TRUE(contact && *contact);
    Plan sum;
    const auto append = [&](Plan&& plan) {
      for (size_t i = 0; i < plan.operations.size(); ++i) EXPECT_EQ(plan.operations[i].id, i);
      std::move(plan.operations.begin(), plan.operations.end(), std::back_inserter(sum.operations));
      std::move(plan.conflicts.begin(), plan.conflicts.end(), std::back_inserter(sum.conflicts));
      std::move(plan.agreements.begin(), plan.agreements.end(), std::back_inserter(sum.agreements));
    };
    while ((*contact)->next()) {
      const auto states = (*contact)->states();
      EXPECT_TRUE((*contact)->has_linked() || states.size() <= kPiece || !policy_.units.empty());
      Plan plan = make_plan(states, policy_);
      (*contact)->hold_back(plan);
      append(std::move(plan));
      if (!forget) continue;
      for (const auto& state : states) {
        pending_.erase(Side::code, state.path);
        pending_.erase(Side::deploy, state.path);
      }
    }
    append((*contact)->held_back());
    return sum;
  }

  std::string dir_;
  std::unique_ptr<BaseStore> base_;
  PendingTree pending_;
  Policy policy_;
};

TEST_F(FirstContactTest, the_pieces_together_are_the_plan_of_all) {
  for (uint32_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 draw(seed);
    pending_ = PendingTree{};
    grow(draw, 60);
    policy_.conflicts = static_cast<ConflictPolicy>(seed % 4);
    const auto states = pending_.states(*base_, {}, false);
    ASSERT_TRUE(states);
    const auto whole = lines(make_plan(*states, policy_));
    EXPECT_EQ(lines(in_pieces(false)), whole);
    EXPECT_EQ(lines(in_pieces(true)), whole);
  }
}

TEST_F(FirstContactTest, a_directory_gets_its_metadata_when_all_below_it_is_there) {
  for (uint32_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 draw(seed);
    pending_ = PendingTree{};
    grow(draw, 60);
    const Plan plan = in_pieces(false);
    std::set<std::string> made;
    std::set<std::string> finished;
    for (const auto& op : plan.operations) {
      const std::string side = to_string(op.side);
      const std::string above = side + ":" + std::string(parent_path(op.path));
      if (op.kind == OpKind::make_directory) made.insert(side + ":" + op.path);
      if (op.stage == OpStage::directory_metadata) {
        finished.insert(side + ":" + op.path);
      } else {
        EXPECT_FALSE(finished.contains(above)) << op.path;
        const Entry* parent = pending_.find(op.side, parent_path(op.path));
        const bool there = parent_path(op.path).empty() || parent != nullptr || made.contains(above);
        EXPECT_TRUE(there) << op.path << " before its directory";
      }
    }
  }
}

TEST_F(FirstContactTest, no_piece_ends_in_a_unit) {
  policy_.units = {"n1", "n12", "n20", "n3", "n35"};
  for (uint32_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 draw(seed);
    pending_ = PendingTree{};
    grow(draw, 60);
    for (const Side s : {Side::code, Side::deploy}) {
      const auto all = pending_.side(s);
      for (const auto& [path, entry] : all) {
        if (entry.links > 1) pending_.erase(s, path);
      }
    }
    policy_.conflicts = static_cast<ConflictPolicy>(seed % 4);
    const auto states = pending_.states(*base_, {}, false);
    ASSERT_TRUE(states);
    const auto whole = lines(make_plan(*states, policy_));
    if (!*contact()) continue;  // too few are left
    EXPECT_EQ(lines(in_pieces(false)), whole);
    EXPECT_EQ(lines(in_pieces(true)), whole);
  }
}

TEST_F(FirstContactTest, names_of_one_file_in_a_unit_are_one_plan) {
  std::mt19937 draw(1);
  grow(draw, 60);
  ASSERT_TRUE(*contact());
  Entry linked = entry(Kind::file, 900, 1);
  linked.links = 2;
  pending_.set(Side::code, "u/z", linked);
  EXPECT_TRUE(*contact());
  policy_.units = {"u"};
  EXPECT_FALSE(*contact());
}

TEST_F(FirstContactTest, few_entries_are_one_plan) {
  std::mt19937 draw(1);
  grow(draw, 60);
  EXPECT_FALSE(*contact(60));
}

TEST_F(FirstContactTest, different_kinds_at_a_place_are_one_plan) {
  std::mt19937 draw(1);
  grow(draw, 60);
  ASSERT_TRUE(*contact());
  pending_.set(Side::code, "z", entry(Kind::file, 900, 1));
  pending_.set(Side::deploy, "z", entry(Kind::directory, 901, 1));
  EXPECT_FALSE(*contact());
}

TEST_F(FirstContactTest, what_the_base_knows_is_no_first_contact) {
  std::mt19937 draw(1);
  grow(draw, 60);
  BaseRow row;
  row.path = "elsewhere";
  row.agreed = entry(Kind::file, 5, 5);
  ASSERT_TRUE(base_->put(row).ok());
  EXPECT_TRUE(*contact());
  row.path = pending_.side(Side::code).rbegin()->first;
  ASSERT_TRUE(base_->put(row).ok());
  EXPECT_FALSE(*contact());
}

}  // namespace
}  // namespace twsync
