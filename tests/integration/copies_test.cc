// A file that is on the target already under another name sends nothing.

#include <sys/stat.h>

#include <filesystem>

#include "common/fs/block_codec.h"
#include "common/fs/content_format.h"
#include "tests/support/fs_fixture.h"

namespace twsync {
namespace {

namespace fs = std::filesystem;

class Copies : public FsTest {
 protected:
  void SetUp() override {
    applier();
    old_file(from("big"), content_);
    old_file(to("big"), content_);
    old_file(from("copy"), content_);
  }

  /// Sends `path` with the twins on offer, each with the digest that the base has of `content_`.
  OpResult send(const std::string& path, const std::vector<std::string>& twins) {
    Batch work = batch({put(path)});
    for (const auto& twin : twins) work.twins.push_back({0, twin, digest_});
    return apply(std::move(work)).at(0);
  }
  /// A sender's bare word: `twin` of the batch's twins holds the content with `digest`.
  std::vector<OpResult> claim(const std::string& twin_path, uint32_t twin, uint32_t twin_op, const Digest& digest) {
    Batch work = batch({put("copy")});
    work.twins.push_back({twin_op, twin_path, digest});
    BeginRecord begin;
    begin.twin = twin;
    begin.source.kind = Kind::file;
    begin.source.size = content_.size();
    EXPECT_TRUE(applier().begin(work).ok());
    (void)applier().content(
        BlockEncoder().encode(encode_begin(begin) + encode_copy({0, content_.size()}) + encode_end(digest)));
    (void)applier().end();
    (void)applier().drain();
    std::lock_guard lock(mutex_);
    return results_.back().results;
  }
  static std::string noise(size_t size) {
    std::string out(size, 0);
    uint64_t state = 88172645463325252ULL;
    for (char& c : out) {
      state ^= state << 13U, state ^= state >> 7U, state ^= state << 17U;
      c = static_cast<char>(state);
    }
    return out;
  }

  std::string content_ = noise(3'000'000);
  Digest digest_ = Hasher(HashKey{}).hash(content_);
};

TEST_F(Copies, a_copy_sends_nothing) {
  const OpResult result = send("copy", {"big"});
  ASSERT_EQ(result.code, ErrorCode::ok) << result.message;
  EXPECT_EQ(read_file(to("copy")), content_);
  EXPECT_EQ(result.target.digest, digest_);
  EXPECT_EQ(mtime_of(to("copy")), kOldTime);
  EXPECT_LT(sent_bytes_, 1000U);
}

TEST_F(Copies, the_right_one_of_several_is_taken) {
  old_file(from("other"), noise(3'000'000).replace(1'500'000, 4, "edit"));
  Batch work = batch({put("copy")});
  work.twins.push_back({0, "other", Hasher(HashKey{}).hash(read_file(from("other")))});
  work.twins.push_back({0, "big", digest_});
  EXPECT_EQ(apply(std::move(work)).at(0).code, ErrorCode::ok);
  EXPECT_EQ(read_file(to("copy")), content_);
  EXPECT_LT(sent_bytes_, 1000U);
}

class CopiesInBatch : public Copies {
 protected:
  void SetUp() override {
    applier();
    old_file(from("big"), content_);
    old_file(from("copy"), content_);
    old_file(from("third"), content_);
  }
  std::vector<OpResult> send_all(const std::vector<std::pair<uint32_t, std::string>>& twins) {
    Batch work = batch({put("big"), put("copy"), put("third")});
    for (const auto& [op, path] : twins) work.twins.push_back({op, path, {}});
    return apply(std::move(work));
  }
};

TEST_F(CopiesInBatch, equal_files_send_one) {
  for (const OpResult& result : send_all({{1, "big"}, {2, "copy"}})) EXPECT_EQ(result.code, ErrorCode::ok);
  for (const char* name : {"big", "copy", "third"}) EXPECT_EQ(read_file(to(name)), content_);
  EXPECT_LT(sent_bytes_, 3'100'000U);
  struct stat big, copy;
  ASSERT_EQ(::stat(to("big").c_str(), &big), 0);
  ASSERT_EQ(::stat(to("copy").c_str(), &copy), 0);
  EXPECT_NE(big.st_ino, copy.st_ino) << "two files, not two names";
}

TEST_F(CopiesInBatch, another_content_of_that_size_travels) {
  const std::string other = noise(3'000'000).replace(2'999'000, 4, "edit");
  old_file(from("copy"), other);
  for (const OpResult& result : send_all({{1, "big"}, {2, "copy"}, {2, "big"}})) EXPECT_EQ(result.code, ErrorCode::ok);
  EXPECT_EQ(read_file(to("copy")), other);
  EXPECT_EQ(read_file(to("third")), content_);
  EXPECT_LT(sent_bytes_, 6'100'000U);
}

TEST_F(CopiesInBatch, what_was_not_sent_is_nobodys_twin) {
  fs::remove(from("big"));
  const auto results = send_all({{1, "big"}, {2, "copy"}});
  EXPECT_NE(results.at(0).code, ErrorCode::ok);
  EXPECT_EQ(results.at(1).code, ErrorCode::ok);
  EXPECT_EQ(results.at(2).code, ErrorCode::ok);
  EXPECT_EQ(read_file(to("copy")), content_);
}

TEST_F(CopiesInBatch, a_later_file_is_nobodys_twin_yet) {
  for (const OpResult& result : send_all({{0, "third"}, {1, "third"}})) EXPECT_EQ(result.code, ErrorCode::ok);
  for (const char* name : {"big", "copy", "third"}) EXPECT_EQ(read_file(to(name)), content_);
}

TEST_F(Copies, a_twin_that_is_gone_here_still_counts) {
  fs::remove(from("big"));
  EXPECT_EQ(send("copy", {"big"}).code, ErrorCode::ok);
  EXPECT_LT(sent_bytes_, 1000U);
}

TEST_F(Copies, another_content_of_that_size_travels) {
  const std::string other = noise(3'000'000).replace(1'234'567, 4, "edit");
  old_file(from("copy"), other);
  ASSERT_EQ(send("copy", {"big"}).code, ErrorCode::ok);
  EXPECT_EQ(read_file(to("copy")), other);
  EXPECT_GT(sent_bytes_, 2'000'000U);
}

TEST_F(Copies, an_existing_file_is_replaced_by_a_copy) {
  old_file(to("copy"), "before");
  const OpResult result = send("copy", {"big"});
  ASSERT_EQ(result.code, ErrorCode::ok) << result.message;
  EXPECT_EQ(read_file(to("copy")), content_);
  EXPECT_EQ(version_content(result.version), "before");
  EXPECT_LT(sent_bytes_, 1000U);
}

TEST_F(Copies, a_twin_that_was_edited_meanwhile_is_found_by_the_digest) {
  const std::string edited = std::string(content_).replace(100, 4, "mine");
  write_file(to("big"), edited);
  set_mtime(to("big"), kOldTime);
  EXPECT_EQ(send("copy", {"big"}).code, ErrorCode::stale);
  EXPECT_FALSE(stands(to("copy")));
  EXPECT_EQ(read_file(to("big")), edited);
  EXPECT_EQ(send("copy", {}).code, ErrorCode::ok) << "and whole it comes";
  EXPECT_EQ(read_file(to("copy")), content_);
}

TEST_F(Copies, a_twin_that_is_shorter_now_is_stale) {
  fs::resize_file(to("big"), 1'000'000);
  EXPECT_EQ(send("copy", {"big"}).code, ErrorCode::stale);
  EXPECT_FALSE(stands(to("copy")));
}

TEST_F(Copies, a_twin_that_vanished_is_stale) {
  fs::remove(to("big"));
  EXPECT_EQ(send("copy", {"big"}).code, ErrorCode::stale);
  EXPECT_FALSE(stands(to("copy")));
  EXPECT_TRUE(staged_names().empty());
}

TEST_F(Copies, a_link_that_took_a_twins_place_is_not_followed) {
  TempDir outside;
  old_file(outside / "big", content_);
  fs::remove(to("big"));
  fs::create_symlink(outside / "big", to("big"));
  EXPECT_EQ(send("copy", {"big"}).code, ErrorCode::stale);
  fs::remove(to("big"));
  fs::create_directory_symlink(outside.path(), to("d"));
  EXPECT_EQ(send("copy", {"d/big"}).code, ErrorCode::stale);
  EXPECT_FALSE(stands(to("copy")));
}

TEST_F(Copies, nothing_outside_of_the_tree_is_a_twin) {
  TempDir outside;
  old_file(outside / "big", content_);
  old_file(to(".twsync/pair/versions/secret"), content_);
  old_file(from("copy"), content_);
  const std::string above = "../" + fs::path(outside.path()).filename().string() + "/big";
  for (const std::string& path : {above, outside / "big", std::string(".twsync/pair/versions/secret"), std::string()}) {
    ASSERT_EQ(send("copy", {path}).code, ErrorCode::ok) << path;
    EXPECT_GT(sent_bytes_, 2'000'000U) << "the sender leaves it out: " << path;
    fs::remove(to("copy"));
  }
}

TEST_F(Copies, a_sender_cannot_have_anything_else_copied) {
  TempDir outside;
  old_file(outside / "big", content_);
  old_file(to(".twsync/pair/versions/secret"), content_);
  fs::create_symlink(outside / "big", to("link"));
  const std::string above = "../" + fs::path(outside.path()).filename().string() + "/big";
  for (const std::string& path :
       {above, outside / "big", std::string(".twsync/pair/versions/secret"), std::string("link"), std::string()}) {
    EXPECT_EQ(claim(path, 1, 0, digest_).at(0).code, ErrorCode::stale) << path;
    EXPECT_FALSE(stands(to("copy"))) << path;
  }
  EXPECT_EQ(claim("big", 1, 0, digest_).at(0).code, ErrorCode::ok);
}

TEST_F(Copies, a_lie_about_a_copy_brings_no_wrong_content) {
  EXPECT_EQ(claim("big", 1, 0, Hasher(HashKey{}).hash("else")).at(0).code, ErrorCode::stale);
  close_applier();
  EXPECT_EQ(claim("big", 2, 0, digest_).at(0).code, ErrorCode::peer_violation);
  close_applier();
  EXPECT_EQ(claim("big", 1, 1, digest_).at(0).code, ErrorCode::peer_violation);
  EXPECT_FALSE(stands(to("copy")));
}

TEST_F(Copies, a_sparse_copy_stays_sparse) {
  for (const auto& path : {from("big"), to("big"), from("copy")}) {
    fs::resize_file(path, 50'000'000);
    set_mtime(path, kOldTime);
  }
  digest_ = at_source("copy").digest;
  ASSERT_EQ(send("copy", {"big"}).code, ErrorCode::ok);
  EXPECT_EQ(read_file(to("copy")), read_file(from("copy")));
  EXPECT_LT(sent_bytes_, 1000U);
  struct stat status {};
  ASSERT_EQ(::stat(to("copy").c_str(), &status), 0);
  EXPECT_LT(status.st_blocks * 512, 10'000'000);
}

TEST_F(Copies, the_next_edit_of_a_copy_is_a_difference) {
  old_file(from("first"), content_);
  ASSERT_EQ(send("first", {}).code, ErrorCode::ok);
  ASSERT_EQ(send("copy", {"first"}).code, ErrorCode::ok);
  old_file(from("copy"), std::string(content_).replace(2'000'000, 4, "edit"));
  ASSERT_EQ(send("copy", {}).code, ErrorCode::ok);
  EXPECT_EQ(read_file(to("copy")), read_file(from("copy")));
  EXPECT_LT(sent_bytes_, 600'000U);
}

}  // namespace
}  // namespace twsync
