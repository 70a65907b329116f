#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "common/base/text.h"
#include "workers/resolver/link_names.h"
#include "workers/resolver/recorder.h"

namespace twsync {
namespace {

Entry file(uint64_t content, uint64_t inode) {
  Entry e;
  e.kind = Kind::file;
  e.mode = 0644;
  e.size = content;
  e.mtime_ns = 1000;
  e.digest = {DigestAlgorithm::xxh3_128_keyed, content, content};
  e.stamp = {inode, content, 1000, 2000};
  return e;
}

class RecorderTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/twsync-rec-XXXXXX";
    dir_ = mkdtemp(name);
    base_ = std::move(BaseStore::open(dir_ + "/base.db", BaseStore::Mode::read_write)).value();
  }
  void TearDown() override {
    base_.reset();
    std::filesystem::remove_all(dir_);
  }
  Recorder recorder() { return {*base_, pending_, Policy{}, 4}; }
  std::optional<BaseRow> row(const std::string& path) { return *base_->find(path); }

  std::string dir_;
  std::unique_ptr<BaseStore> base_;
  PendingTree pending_;
};

TEST_F(RecorderTest, a_carried_file_becomes_a_row_and_is_pending_no_more) {
  pending_.set(Side::code, "f", file(5, 11));
  Operation op;
  op.kind = OpKind::put_file;
  op.side = Side::deploy;
  op.path = "f";
  OpResult result;
  result.target = file(5, 22);
  result.source = file(5, 11);
  ASSERT_TRUE(recorder().achieved(op, result).ok());
  ASSERT_TRUE(row("f").has_value());
  EXPECT_EQ(row("f")->code.stamp.inode, 11u);
  EXPECT_EQ(row("f")->deploy.stamp.inode, 22u);
  EXPECT_TRUE(pending_.empty());
}

TEST_F(RecorderTest, many_states_find_their_rows_across_gaps) {
  ASSERT_TRUE(base_->begin(false).ok());
  const auto name = [](uint64_t n) { return str(n % 7 == 0 ? "d-" : "d/", 100'000 + n); };
  for (uint64_t n = 0; n < 8000; ++n) {
    BaseRow row;
    row.path = name(n);
    row.agreed = file(n, n);
    ASSERT_TRUE(base_->put(row).ok());
  }
  ASSERT_TRUE(base_->commit().ok());
  // Each one, each fifth, single ones far apart, the last; and names that the base has not.
  for (uint64_t n = 0; n < 8000; ++n) {
    if (n < 2000 || (n < 4000 && n % 5 == 0) || n % 500 == 7 || n == 7999) pending_.set(Side::code, name(n), Entry{});
    if (n % 97 == 0) pending_.set(Side::deploy, name(n) + "-new", file(n, n));
  }
  const auto states = pending_.states(*base_, {}, false);
  ASSERT_TRUE(states.ok());
  EXPECT_GT(states->size(), 2000u);
  for (const PathState& state : *states) {
    const auto wanted = row(state.path);
    ASSERT_EQ(state.base.has_value(), wanted.has_value()) << state.path;
    const uint64_t found = state.base ? state.base->agreed.size : 0;
    EXPECT_EQ(found, wanted ? wanted->agreed.size : 0) << state.path;
  }
}

TEST_F(RecorderTest, a_source_that_moved_on_stays_pending) {
  pending_.set(Side::code, "f", file(5, 11));
  Operation op;
  op.kind = OpKind::put_file;
  op.side = Side::deploy;
  op.path = "f";
  OpResult result;
  result.target = file(5, 22);
  ASSERT_TRUE(recorder().achieved(op, result).ok());
  pending_.set(Side::code, "f", file(6, 11));
  EXPECT_EQ(row("f")->agreed.size, 5u);
  ASSERT_TRUE(recorder().agreed({AgreementKind::same, "f", {}}).ok());
  EXPECT_EQ(row("f")->agreed.size, 5u) << "the base keeps what both held";
  EXPECT_NE(pending_.find(Side::code, "f"), nullptr);
}

TEST_F(RecorderTest, a_deletion_drops_the_row) {
  pending_.set(Side::code, "f", file(5, 11));
  pending_.set(Side::deploy, "f", file(5, 22));
  ASSERT_TRUE(recorder().agreed({AgreementKind::same, "f", {}}).ok());
  ASSERT_TRUE(row("f").has_value());
  pending_.set(Side::code, "f", Entry{});
  Operation op;
  op.kind = OpKind::remove;
  op.side = Side::deploy;
  op.path = "f";
  ASSERT_TRUE(recorder().achieved(op, OpResult{}).ok());
  EXPECT_FALSE(row("f").has_value());
  EXPECT_TRUE(pending_.empty());
}

TEST_F(RecorderTest, a_rename_moves_rows_and_keeps_the_other_sides_edit_pending) {
  Entry dir;
  dir.kind = Kind::directory;
  dir.mode = 0755;
  dir.stamp.inode = 5;
  for (const Side s : {Side::code, Side::deploy}) {
    pending_.set(s, "d", dir);
    pending_.set(s, "d/f", file(5, 11));
    pending_.set(s, "d/g", file(7, 12));
  }
  for (const char* p : {"d", "d/f", "d/g"}) ASSERT_TRUE(recorder().agreed({AgreementKind::same, p, {}}).ok());
  ASSERT_TRUE(pending_.empty());

  // The code side renamed d to e and deleted g; the deploy side edited d/f.
  for (const char* p : {"d", "d/f", "d/g"}) pending_.set(Side::code, p, Entry{});
  pending_.set(Side::code, "e", dir);
  pending_.set(Side::code, "e/f", file(5, 11));
  pending_.set(Side::deploy, "d/f", file(9, 13));
  Operation op;
  op.kind = OpKind::rename;
  op.side = Side::deploy;
  op.from = "d";
  op.path = "e";
  OpResult result;
  result.target = dir;
  ASSERT_TRUE(recorder().achieved(op, result).ok());

  EXPECT_FALSE(row("d").has_value());
  EXPECT_TRUE(base_->find_dropped("d/f")->has_value());
  ASSERT_TRUE(row("e/f").has_value());
  EXPECT_EQ(row("e/f")->agreed.size, 5u);
  ASSERT_NE(pending_.find(Side::deploy, "e/f"), nullptr);
  EXPECT_EQ(pending_.find(Side::deploy, "e/f")->size, 9u);
  ASSERT_NE(pending_.find(Side::code, "e/g"), nullptr) << "the deletion is still to be carried, at the new place";
  EXPECT_FALSE(pending_.find(Side::code, "e/g")->exists());
  EXPECT_EQ(pending_.find(Side::code, "d"), nullptr);
  EXPECT_EQ(pending_.find(Side::code, "e/f"), nullptr);
}

TEST_F(RecorderTest, what_was_written_right_after_a_rename_is_pending) {
  for (const Side s : {Side::code, Side::deploy}) pending_.set(s, "a", file(5, 11));
  ASSERT_TRUE(recorder().agreed({AgreementKind::same, "a", {}}).ok());
  pending_.set(Side::deploy, "a", Entry{});
  pending_.set(Side::deploy, "b", file(5, 11));
  Operation op;
  op.kind = OpKind::rename;
  op.side = Side::code;
  op.from = "a";
  op.path = "b";
  OpResult result;
  result.target = file(5, 11);
  result.target.digest = {};
  result.target.mtime_ns = result.target.stamp.mtime_ns = 3000;
  ASSERT_TRUE(recorder().achieved(op, result).ok());
  ASSERT_TRUE(row("b").has_value());
  EXPECT_EQ(row("b")->code.stamp.mtime_ns, 1000) << "the digest goes with the stamp it was read by";
  EXPECT_EQ(row("b")->agreed.digest, file(5, 11).digest);
  ASSERT_NE(pending_.find(Side::code, "b"), nullptr);
  EXPECT_FALSE(pending_.find(Side::code, "b")->digest.known());
  EXPECT_EQ(pending_.find(Side::deploy, "b"), nullptr);
}

TEST_F(RecorderTest, rows_carry_their_round_and_what_was_dropped_is_known) {
  for (const Side s : {Side::code, Side::deploy}) {
    pending_.set(s, "f", file(5, 11));
    pending_.set(s, "ignored", file(5, 12));
  }
  for (const char* p : {"f", "ignored"}) ASSERT_TRUE(recorder().agreed({AgreementKind::same, p, {}}).ok());
  EXPECT_EQ(row("f")->round, 4u);
  for (const Side s : {Side::code, Side::deploy}) pending_.set(s, "f", Entry{});
  for (const char* p : {"f", "ignored"}) ASSERT_TRUE(recorder().agreed({AgreementKind::gone, p, {}}).ok());
  const auto dropped = *base_->find_dropped("f");
  ASSERT_TRUE(dropped.has_value());
  EXPECT_EQ(dropped->code.stamp.inode, 11u);
  EXPECT_EQ(dropped->round, 4u);
  EXPECT_FALSE(base_->find_dropped("ignored")->has_value()) << "it still stands there";
}

TEST_F(RecorderTest, what_both_moved_keeps_its_rows) {
  Entry dir;
  dir.kind = Kind::directory;
  dir.mode = 0755;
  dir.stamp.inode = 5;
  for (const Side s : {Side::code, Side::deploy}) {
    pending_.set(s, "d", dir);
    pending_.set(s, "d/f", file(5, 11));
  }
  for (const char* p : {"d", "d/f"}) ASSERT_TRUE(recorder().agreed({AgreementKind::same, p, {}}).ok());

  // Both renamed d to e; the deploy side then deleted e/f.
  for (const Side s : {Side::code, Side::deploy}) {
    for (const char* p : {"d", "d/f"}) pending_.set(s, p, Entry{});
    pending_.set(s, "e", dir);
  }
  pending_.set(Side::code, "e/f", file(5, 11));
  ASSERT_TRUE(recorder().agreed({AgreementKind::moved, "e", "d"}).ok());
  EXPECT_FALSE(row("d").has_value());
  EXPECT_FALSE(row("d/f").has_value());
  ASSERT_TRUE(row("e").has_value());
  ASSERT_TRUE(row("e/f").has_value());
  EXPECT_EQ(pending_.find(Side::code, "d/f"), nullptr);
  ASSERT_NE(pending_.find(Side::deploy, "e/f"), nullptr) << "the deletion is still to be carried";
  EXPECT_FALSE(pending_.find(Side::deploy, "e/f")->exists());
}

TEST_F(RecorderTest, a_row_between_two_renames_stays) {
  Entry dir;
  dir.kind = Kind::directory;
  dir.mode = 0755;
  dir.stamp.inode = 5;
  for (const Side s : {Side::code, Side::deploy}) {
    pending_.set(s, "d", dir);
    pending_.set(s, "d/f", file(5, 11));
  }
  for (const char* p : {"d", "d/f"}) ASSERT_TRUE(recorder().agreed({AgreementKind::same, p, {}}).ok());

  // The code side moved d somewhere else by way of e; the deploy side deleted d/f.
  for (const char* p : {"d", "d/f"}) pending_.set(Side::code, p, Entry{});
  pending_.set(Side::deploy, "d/f", Entry{});
  Operation op;
  op.kind = OpKind::rename;
  op.side = Side::deploy;
  op.from = "d";
  op.path = "e";
  OpResult result;
  result.target = dir;
  ASSERT_TRUE(recorder().achieved(op, result).ok());
  EXPECT_TRUE(row("e/f").has_value());
}

TEST_F(RecorderTest, a_directory_made_with_other_bits_is_no_row_yet) {
  Entry dir;
  dir.kind = Kind::directory;
  dir.mode = 0500;
  dir.stamp.inode = 5;
  pending_.set(Side::code, "d", dir);
  Operation op;
  op.kind = OpKind::make_directory;
  op.side = Side::deploy;
  op.path = "d";
  op.desired = dir;
  OpResult result;
  result.target = dir;
  result.target.mode = 0700;
  ASSERT_TRUE(recorder().achieved(op, result).ok());
  EXPECT_FALSE(row("d").has_value());
}

TEST_F(RecorderTest, an_owner_that_a_made_directory_did_not_keep_is_recorded) {
  Policy owners;
  owners.preserve_owner = true;
  Entry dir;
  dir.kind = Kind::directory;
  dir.mode = 0755;
  dir.stamp.inode = 5;
  dir.owner = Name("anna");
  pending_.set(Side::code, "d", dir);
  Operation op;
  op.kind = OpKind::make_directory;
  op.side = Side::deploy;
  op.path = "d";
  op.desired = dir;
  OpResult result;
  result.target = dir;
  result.target.owner = Name("#1000");
  Recorder with_owners(*base_, pending_, owners, 4);
  ASSERT_TRUE(with_owners.achieved(op, result).ok());
  ASSERT_TRUE(row("d").has_value()) << "a crash here must not make #1000 somebody's choice";
  EXPECT_EQ(row("d")->code.owner.str(), "anna");
  EXPECT_EQ(row("d")->deploy.owner.str(), "#1000");
}

TEST_F(RecorderTest, a_rejected_deletion_makes_the_path_first_contact) {
  for (const Side s : {Side::code, Side::deploy}) pending_.set(s, "f", file(5, 11));
  ASSERT_TRUE(recorder().agreed({AgreementKind::same, "f", {}}).ok());
  pending_.set(Side::code, "f", Entry{});
  ASSERT_TRUE(recorder().forget("f").ok());
  EXPECT_FALSE(row("f").has_value());
  EXPECT_EQ(pending_.find(Side::code, "f"), nullptr);
  ASSERT_NE(pending_.find(Side::deploy, "f"), nullptr);
  EXPECT_EQ(pending_.find(Side::deploy, "f")->size, 5u);
}

TEST_F(RecorderTest, pending_scopes_clear_but_for_what_could_not_be_read) {
  pending_.set(Side::code, "a/x", file(1, 1));
  pending_.set(Side::code, "a/secret/y", file(1, 2));
  pending_.set(Side::code, "b", file(1, 3));
  pending_.clear(Side::code, {{"a", true}}, {Error{ErrorCode::denied, "no", "a/secret", 13}});
  EXPECT_EQ(pending_.find(Side::code, "a/x"), nullptr);
  EXPECT_NE(pending_.find(Side::code, "a/secret/y"), nullptr);
  EXPECT_NE(pending_.find(Side::code, "b"), nullptr);
}

Entry named(uint64_t content, uint64_t inode, uint32_t links, int64_t ctime_ns) {
  Entry e = file(content, inode);
  e.links = links;
  e.stamp.ctime_ns = ctime_ns;
  return e;
}

Operation link(const std::string& path, const std::string& from, uint64_t inode) {
  Operation op;
  op.kind = OpKind::link;
  op.side = Side::deploy;
  op.path = path;
  op.from = from;
  op.desired = file(5, inode);
  return op;
}

// The new name was never read: its digest is that of the file it is a name of.
TEST_F(RecorderTest, a_link_is_recorded_with_what_its_first_name_holds) {
  pending_.set(Side::code, "f", named(5, 11, 2, 3000));
  pending_.set(Side::deploy, "f", file(5, 22));
  ASSERT_TRUE(recorder().agreed({AgreementKind::same, "f", {}}).ok());
  Entry unread = named(5, 11, 2, 3000);
  unread.digest = {};
  pending_.set(Side::code, "g", unread);
  OpResult result;
  result.target = named(5, 22, 2, 4000);
  Recorder recorder = this->recorder();
  ASSERT_TRUE(recorder.achieved(link("g", "f", 22), result).ok());
  ASSERT_TRUE(recorder.settle_names().ok());
  ASSERT_TRUE(row("g").has_value());
  EXPECT_EQ(row("g")->agreed.digest, file(5, 0).digest);
  EXPECT_EQ(row("g")->deploy.links, 2U);
  EXPECT_EQ(row("f")->deploy.links, 2U);
  EXPECT_EQ(row("f")->deploy.stamp.ctime_ns, 4000);
  EXPECT_TRUE(pending_.empty());
}

TEST_F(RecorderTest, one_more_link_moves_the_fingerprint_of_every_name) {
  for (const char* name : {"a", "b"}) {
    pending_.set(Side::code, name, named(5, 11, 3, 3000));
    pending_.set(Side::deploy, name, named(5, 22, 2, 2000));
    ASSERT_TRUE(recorder().agreed({AgreementKind::same, name, {}}).ok());
  }
  pending_.set(Side::code, "c", named(5, 11, 3, 3000));
  OpResult result;
  result.target = named(5, 22, 3, 4000);
  Recorder recorder = this->recorder();
  ASSERT_TRUE(recorder.achieved(link("c", "a", 22), result).ok());
  ASSERT_TRUE(recorder.settle_names().ok());
  EXPECT_EQ(row("b")->deploy.stamp.ctime_ns, 4000);
  EXPECT_EQ(row("b")->deploy.links, 3U);
}

// Written by that name to the same size; then the plan gave the file the mtime that it had there before.
TEST_F(RecorderTest, one_more_link_does_not_hide_an_edit_by_another_name) {
  Entry before = file(5, 33);
  before.digest.low ^= 1;
  pending_.set(Side::code, "d", before);
  before.stamp.inode = 22;
  before.links = 2;
  pending_.set(Side::deploy, "d", before);
  pending_.set(Side::code, "a", named(5, 11, 2, 3000));
  pending_.set(Side::deploy, "a", named(5, 22, 2, 2000));
  for (const char* name : {"a", "d"}) ASSERT_TRUE(recorder().agreed({AgreementKind::same, name, {}}).ok());
  pending_.set(Side::code, "c", named(5, 11, 3, 3000));
  OpResult result;
  result.target = named(5, 22, 3, 4000);
  Recorder recorder = this->recorder();
  ASSERT_TRUE(recorder.achieved(link("c", "a", 22), result).ok());
  ASSERT_TRUE(recorder.settle_names().ok());
  EXPECT_EQ(row("a")->deploy.stamp.ctime_ns, 4000);
  EXPECT_EQ(row("d")->deploy.stamp.ctime_ns, 2000);
}

TEST_F(RecorderTest, a_refused_link_is_remembered_until_one_is_made) {
  pending_.set(Side::code, "f", named(5, 11, 2, 3000));
  pending_.set(Side::deploy, "f", file(5, 22));
  ASSERT_TRUE(recorder().agreed({AgreementKind::same, "f", {}}).ok());
  OpResult result;
  result.target = file(5, 33);
  result.apart = true;
  pending_.set(Side::code, "g", named(5, 11, 2, 3000));
  ASSERT_TRUE(recorder().achieved(link("g", "f", 22), result).ok());
  EXPECT_TRUE(row("g")->deploy.apart);
  EXPECT_FALSE(row("g")->code.apart);
  result.target = named(5, 22, 2, 4000);
  result.apart = false;
  ASSERT_TRUE(recorder().achieved(link("g", "f", 22), result).ok());
  EXPECT_FALSE(row("g")->deploy.apart);
}

class LinkNames : public RecorderTest {
 protected:
  void known(const char* path, uint64_t code, uint64_t deploy, uint32_t links) {
    pending_.set(Side::code, path, named(5, code, links, 3000));
    pending_.set(Side::deploy, path, named(5, deploy, links, 3000));
    ASSERT_TRUE(recorder().agreed({AgreementKind::same, path, {}}).ok());
    ASSERT_TRUE(pending_.empty());
  }
  std::vector<std::string> names(const std::vector<Scope>& scopes) {
    return other_names(*base_, pending_, Side::code, scopes).value();
  }
};

TEST_F(LinkNames, a_hint_to_one_looks_at_all) {
  known("a", 11, 21, 2);
  known("d/b", 11, 21, 2);
  known("c", 12, 22, 1);
  EXPECT_TRUE(names({{"a", false}}).empty());
  pending_.set(Side::code, "a", named(6, 11, 2, 4000));
  EXPECT_EQ(names({{"a", false}}), (std::vector<std::string>{"d/b"}));
  EXPECT_TRUE(names({{"a", false}, {"d", true}}).empty());
  EXPECT_TRUE(names({{"", true}}).empty());
}

TEST_F(LinkNames, a_file_that_had_one_name_is_found_by_its_second) {
  known("c", 12, 22, 1);
  pending_.set(Side::code, "new", named(5, 12, 2, 4000));
  EXPECT_EQ(names({{"new", false}}), (std::vector<std::string>{"c"}));
}

TEST_F(LinkNames, a_name_that_left_leads_to_those_that_stay) {
  known("a", 11, 21, 2);
  known("b", 11, 21, 2);
  pending_.set(Side::code, "b", Entry{});
  EXPECT_EQ(names({{"b", false}}), (std::vector<std::string>{"a"}));
}

TEST_F(LinkNames, the_planner_gets_every_name_of_what_is_pending) {
  known("a", 11, 21, 2);
  known("b", 11, 22, 2);
  known("c", 12, 22, 2);
  known("d", 13, 23, 1);
  pending_.set(Side::code, "x", named(5, 11, 3, 4000));
  auto states = pending_.states(*base_, {}, false).value();
  ASSERT_TRUE(add_other_names(*base_, pending_, states).ok());
  std::vector<std::string> paths;
  for (const auto& state : states) paths.push_back(state.path);
  EXPECT_EQ(paths, (std::vector<std::string>{"a", "b", "c", "x"}));
}

TEST_F(LinkNames, one_name_is_read_for_all) {
  std::vector<std::string> paths;
  for (const char* path : {"a", "b", "c"}) {
    Entry e = named(5, path[0] == 'c' ? 12 : 11, 2, 4000);
    e.digest = {};
    pending_.set(Side::code, path, e);
    paths.emplace_back(path);
  }
  drop_other_names(pending_, Side::code, paths);
  EXPECT_EQ(paths, (std::vector<std::string>{"a", "c"}));
  pending_.set(Side::code, "a", named(5, 11, 2, 4000));
  share_digests(pending_, Side::code);
  EXPECT_TRUE(pending_.find(Side::code, "b")->digest.known());
  EXPECT_FALSE(pending_.find(Side::code, "c")->digest.known());
}

}  // namespace
}  // namespace twsync
