#include <gtest/gtest.h>

#include <algorithm>

#include "common/base/hasher.h"
#include "common/base/name.h"
#include "common/base/rel_path.h"
#include "common/base/spare_blocks.h"
#include "common/base/text.h"

namespace twsync {
namespace {

TEST(RelPath, accepts_only_confined_paths) {
  for (const char* good : {"", "a", "a/b", "a b", "-rf", "...", "\xff\xfe", "a\nb"})
    EXPECT_TRUE(is_valid_rel_path(good)) << good;
  for (const char* bad : {"/", "/a", "a/", "a//b", ".", "..", "a/..", "../a", "a/./b"})
    EXPECT_FALSE(is_valid_rel_path(bad)) << bad;
  EXPECT_FALSE(is_valid_rel_path(std::string_view("a\0b", 3)));
  EXPECT_TRUE(is_valid_rel_path(std::string(255, 'x')));
  EXPECT_FALSE(is_valid_rel_path(std::string(256, 'x')));
}

TEST(RelPath, order_is_depth_first_and_equals_key_order) {
  std::vector<std::string> paths{"a-b", "a", "b", "a/x", "a/x/y", "a/x-1", "", "a\x01z"};
  std::sort(paths.begin(), paths.end(), PathLess{});
  EXPECT_EQ(paths, (std::vector<std::string>{"", "a", "a/x", "a/x/y", "a/x-1", "a\x01z", "a-b", "b"}));
  for (size_t i = 1; i < paths.size(); ++i) EXPECT_LT(path_key(paths[i - 1]), path_key(paths[i]));
}

TEST(RelPath, prefix_tools) {
  EXPECT_TRUE(is_below("a/b", "a"));
  EXPECT_TRUE(is_below("a", ""));
  EXPECT_FALSE(is_below("", ""));
  EXPECT_FALSE(is_below("ab", "a"));
  EXPECT_EQ(replace_prefix("a/b/c", "a/b", "x"), "x/c");
  EXPECT_EQ(replace_prefix("a", "a", "x/y"), "x/y");
  EXPECT_EQ(path_from_key(path_key("a/b")), "a/b");
}

TEST(Text, escapes_everything_that_drives_a_terminal) {
  EXPECT_EQ(escape_bytes("plain/ä.txt"), "plain/ä.txt");
  EXPECT_EQ(escape_bytes("a\nb\x1b[31m"), "a\\nb\\x1b[31m");
  EXPECT_EQ(escape_bytes("\xc2\x9b"), "\\xc2\\x9b");
  EXPECT_EQ(escape_bytes("\xe2\x80\xae"), "\\xe2\\x80\\xae");
  EXPECT_EQ(escape_bytes("\xff"), "\\xff");
  EXPECT_EQ(escape_bytes("\\"), "\\\\");
}

TEST(Text, base64_and_hex) {
  EXPECT_EQ(base64_encode("f"), "Zg==");
  EXPECT_EQ(base64_encode("foobar"), "Zm9vYmFy");
  std::string raw;
  EXPECT_TRUE(hex_decode("00fF", raw));
  EXPECT_EQ(raw, std::string("\0\xff", 2));
  EXPECT_FALSE(hex_decode("0", raw));
}

TEST(Hasher, depends_on_the_key_and_streams) {
  HashKey one{};
  HashKey two{};
  two[0] = 1;
  Hasher a(one);
  Hasher b(two);
  EXPECT_NE(a.hash("content"), b.hash("content"));
  a.reset();
  a.update("con");
  a.update("tent");
  const Digest streamed = a.finish();
  EXPECT_EQ(streamed, a.hash("content"));
}

TEST(Hasher, wide_registers_give_the_same_digest) {
  HashKey key{};
  key[3] = 7;
  Hasher whole(key);
  Hasher pieces(key);
  std::string bytes;
  for (size_t size : {1023U, 1024U, 1025U, 4096U, 65'536U, 1'000'003U}) {
    while (bytes.size() < size) bytes += static_cast<char>(bytes.size() * 31 + bytes.size() / 255);
    bytes.resize(size);
    pieces.reset();
    // Small ones take the portable way.
    for (size_t at = 0; at < size; at += 509) pieces.update(std::string_view(bytes).substr(at, 509));
    EXPECT_EQ(whole.hash(bytes), pieces.finish()) << size;
  }
}

TEST(SpareBlocks, what_was_given_is_taken_at_any_size) {
  SpareBlocks blocks;
  std::string used(SpareBlocks::kLeast, 'x');
  const char* const memory = used.data();
  blocks.give(std::move(used));
  std::string taken = blocks.take(10);
  EXPECT_EQ(taken.data(), memory);
  EXPECT_EQ(taken.size(), 10U);
  EXPECT_EQ(blocks.take(SpareBlocks::kLeast).size(), SpareBlocks::kLeast) << "none was left";
  taken.resize(SpareBlocks::kLeast);
  blocks.give(std::move(taken));
  EXPECT_EQ(blocks.take(4 * SpareBlocks::kLeast).size(), 4 * SpareBlocks::kLeast) << "it was too small";
}

TEST(Name, equal_text_is_the_same_name) {
  EXPECT_EQ(Name("root"), Name(std::string("ro") + "ot"));
  EXPECT_FALSE(Name("root") == Name("daemon"));
  EXPECT_TRUE(Name().empty());
}

}  // namespace
}  // namespace twsync
