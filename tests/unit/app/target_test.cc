#include <gtest/gtest.h>

#include "common/app/config.h"

namespace twsync {
namespace {

TEST(ParseTarget, forms) {
  auto scp = parse_target("me@host:dir/x", 22);
  ASSERT_TRUE(scp.ok());
  EXPECT_EQ(scp->user, "me");
  EXPECT_EQ(scp->host, "host");
  EXPECT_EQ(scp->path, "dir/x");
  EXPECT_EQ(scp->port, 22);
  EXPECT_FALSE(scp->local);

  auto url = parse_target("ssh://me@127.0.0.2:2222/srv/x", 22);
  ASSERT_TRUE(url.ok());
  EXPECT_EQ(url->host, "127.0.0.2");
  EXPECT_EQ(url->port, 2222);
  EXPECT_EQ(url->path, "/srv/x");

  EXPECT_EQ(parse_target("ssh://host/x", 99)->port, 99);
  EXPECT_EQ(parse_target("ssh://[fe80::1]:23/x", 22)->host, "fe80::1");
  EXPECT_EQ(parse_target("ssh://[fe80::1]:23/x", 22)->port, 23);
  EXPECT_EQ(parse_target("[fe80::1]:/x", 22)->host, "fe80::1");
  EXPECT_EQ(parse_target("[fe80::1]:/x", 22)->path, "/x");
  EXPECT_EQ(parse_target("me@[fe80::1]:/x", 22)->host, "fe80::1");
  EXPECT_TRUE(parse_target("/a:b", 22)->local);
  EXPECT_TRUE(parse_target("./a:b", 22)->local);
  EXPECT_EQ(parse_target("/a/../b//c/", 22)->path, "/b/c");
}

TEST(ParseTarget, refused) {
  for (const char* bad :
       {"", "host:", "-oProxyCommand=x:/y", "me;x@host:/y", "-x@host:/y", "http://h/x", "ssh://host", "ssh://host:0/x",
        "ssh://host:99999/x", "ssh://host:x/x", "ssh://-host/x", "a b:/x", "ssh://@h/x", ":/x", "$(id):/x"}) {
    auto parsed = parse_target(bad, 22);
    ASSERT_FALSE(parsed.ok()) << bad;
    EXPECT_EQ(parsed.error().code, ErrorCode::usage) << bad;
  }
}

}  // namespace
}  // namespace twsync
