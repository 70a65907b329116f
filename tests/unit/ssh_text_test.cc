// authorized_keys and known_hosts as text: only our lines change.

#include <gtest/gtest.h>

#include "common/ssh/authorized_keys.h"
#include "common/ssh/known_hosts.h"

namespace twsync {
namespace {

constexpr const char* kTag = "twsync:p/h";

TEST(AuthorizedKeys, ALineIsAddedOnceAndEndsTheFile) {
  EXPECT_EQ(with_line("", "a"), "a\n");
  EXPECT_EQ(with_line("x", "a"), "x\na\n");
  EXPECT_EQ(with_line("x\na\ny\n", "a"), "x\na\ny\n");
  EXPECT_EQ(with_line("xa\n", "a"), "xa\na\n");
}

TEST(AuthorizedKeys, OnlyLinesWithOurTagGo) {
  const std::string text =
      "k1 twsync:p/h\n# twsync:p/h\nk2 xtwsync:p/h\nk3 twsync:p/h2\n\r\nk4 twsync:p/h \r\nrestrict k5 twsync:p/h\nlast";
  EXPECT_EQ(without_tagged(text, kTag, "restrict k5 twsync:p/h"),
            "# twsync:p/h\nk2 xtwsync:p/h\nk3 twsync:p/h2\n\r\nrestrict k5 twsync:p/h\nlast");
}

TEST(AuthorizedKeys, CommandsAreQuoted) {
  EXPECT_EQ(*authorized_line("", "k"), "restrict k");
  EXPECT_EQ(*authorized_line("a \"b\"", "k"), "restrict,command=\"a \\\"b\\\"\" k");
  EXPECT_EQ(authorized_line("a\nb", "k").error().code, ErrorCode::usage);
  EXPECT_EQ(shell_word("/opt/a-b_c.d"), "/opt/a-b_c.d");
  EXPECT_EQ(shell_word("it's $HOME"), "'it'\\''s $HOME'");
  EXPECT_EQ(shell_word(""), "''");
}

TEST(KnownHosts, OneHostsLinesAreReplaced) {
  const std::string text = "a ssh-rsa A\n[a]:2222 ssh-rsa B\nab ssh-rsa C\n@revoked a ssh-rsa D\n";
  EXPECT_EQ(replace_known_host(text, "a", 22, "a ssh-ed25519 E"),
            "[a]:2222 ssh-rsa B\nab ssh-rsa C\n@revoked a ssh-rsa D\na ssh-ed25519 E\n");
  EXPECT_EQ(replace_known_host(text, "a", 2222, "x\n"), "a ssh-rsa A\nab ssh-rsa C\n@revoked a ssh-rsa D\nx\n");
  EXPECT_EQ(without_known_host("a k\nb k\n", "b", 22), "a k\n");
}

}  // namespace
}  // namespace twsync
