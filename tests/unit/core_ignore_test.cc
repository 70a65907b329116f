// gitignore(5) patterns, row by row.

#include <gtest/gtest.h>

#include <chrono>

#include "common/base/text.h"
#include "common/core/ignore.h"

namespace twsync {
namespace {

struct Case {
  std::vector<std::string> patterns;
  const char* path;  // a directory when it ends in '/'
  bool ignored;
};

void PrintTo(const Case& c, std::ostream* out) {
  for (const auto& p : c.patterns) *out << p << " ; ";
  *out << c.path;
}

class Ignore : public ::testing::TestWithParam<Case> {};

TEST_P(Ignore, Matches) {
  std::string path = GetParam().path;
  const bool directory = path.ends_with('/');
  if (directory) path.pop_back();
  EXPECT_EQ(IgnoreRules(GetParam().patterns).matches(path, directory), GetParam().ignored);
}

INSTANTIATE_TEST_SUITE_P(
    Patterns, Ignore,
    ::testing::Values(Case{{"foo"}, "foo", true}, Case{{"foo"}, "a/b/foo", true}, Case{{"foo"}, "foobar", false},
                      Case{{"foo"}, "a/foo/b", false}, Case{{"foo/"}, "foo/", true}, Case{{"foo/"}, "foo", false},
                      Case{{"foo/"}, "a/foo/", true}, Case{{"/foo"}, "foo", true}, Case{{"/foo"}, "a/foo", false},
                      Case{{"a/foo"}, "a/foo", true}, Case{{"a/foo"}, "b/a/foo", false},
                      Case{{"a/foo/"}, "a/foo/", true}, Case{{"a/foo/"}, "a/foo", false}, Case{{"*.o"}, "x.o", true},
                      Case{{"*.o"}, "a/b/x.o", true}, Case{{"*.o"}, ".o", true}, Case{{"*.o"}, "x.oo", false},
                      Case{{"*.tar.gz"}, "a.tar.gz", true}, Case{{"a*b"}, "ab", true}, Case{{"a*b"}, "axxb", true},
                      Case{{"a*b"}, "axxbc", false}, Case{{"/*.c"}, "x.c", true}, Case{{"/*.c"}, "d/x.c", false},
                      Case{{"d/*"}, "d/x", true}, Case{{"d/*"}, "d/x/y", false}, Case{{"f?o"}, "fxo", true},
                      Case{{"f?o"}, "fo", false}, Case{{"a?b/c"}, "a/b/c", false}, Case{{"[ab]c"}, "ac", true},
                      Case{{"[ab]c"}, "cc", false}, Case{{"[a-c]x"}, "bx", true}, Case{{"[!a-c]x"}, "bx", false},
                      Case{{"[^a-c]x"}, "dx", true}, Case{{"[]]x"}, "]x", true}, Case{{"[a-]x"}, "-x", true},
                      Case{{"[[:digit:]]x"}, "5x", true}, Case{{"[[:digit:]]x"}, "ax", false},
                      Case{{"[\\]]x"}, "]x", true}, Case{{"**/foo"}, "foo", true}, Case{{"**/foo"}, "a/b/foo", true},
                      Case{{"**/foo/bar"}, "a/foo/bar", true}, Case{{"**/foo/bar"}, "foo/bar", true},
                      Case{{"abc/**"}, "abc/x", true}, Case{{"abc/**"}, "abc/x/y", true},
                      Case{{"abc/**"}, "abc/", false}, Case{{"a/**/b"}, "a/b", true}, Case{{"a/**/b"}, "a/x/y/b", true},
                      Case{{"a/**/b"}, "a/x/bb", false}, Case{{"a/**/b/**/c"}, "a/b/x/b/y/c", true},
                      Case{{"**"}, "a/b", true}, Case{{"a**b"}, "axb", true}, Case{{"x/a**b"}, "x/a/b", false},
                      Case{{"/**"}, "a/b", true}, Case{{"*.o", "!keep.o"}, "keep.o", false},
                      Case{{"*.o", "!keep.o"}, "x.o", true}, Case{{"!keep.o", "*.o"}, "keep.o", true},
                      Case{{"*.o", "!/keep.o"}, "d/keep.o", true}, Case{{"*", "!*/"}, "d/", false},
                      Case{{"*", "!*/"}, "f", true}, Case{{"foo", "!foo/"}, "foo/", false},
                      Case{{"foo", "!foo/"}, "foo", true}, Case{{"# comment"}, "# comment", false},
                      Case{{"\\#x"}, "#x", true}, Case{{"\\!x"}, "!x", true}, Case{{""}, "x", false},
                      Case{{"foo  "}, "foo", true}, Case{{"foo\\ "}, "foo ", true}, Case{{"foo\\ "}, "foo", false},
                      Case{{"foo\\\\ "}, "foo\\", true}, Case{{"\\*"}, "*", true}, Case{{"\\*"}, "x", false},
                      Case{{"a\\*b/c"}, "a*b/c", true}, Case{{"a\\b"}, "ab", true}, Case{{"/"}, "x", false},
                      Case{{"\xff*"}, "\xff\xfe", true}, Case{{"a[/]b"}, "a/b", false}, Case{{"-x"}, "-x", true}));

TEST(IgnoreRules, BadPatternsMatchNothingAndAreNamed) {
  const IgnoreRules rules({"[a", "ok", "x\\", "[[:nonsense:]]", "/", "!"});
  EXPECT_EQ(rules.bad(), (std::vector<std::string>{"[a", "x\\", "[[:nonsense:]]", "/", "!"}));
  EXPECT_TRUE(rules.matches("ok", false));
  EXPECT_FALSE(rules.matches("[a", false));
}

TEST(IgnoreRules, NoExponentialPatterns) {
  std::string pattern;
  for (int i = 0; i < 40; ++i) pattern += "*a";
  std::string deep = "**/x";
  for (int i = 0; i < 20; ++i) deep += "/**/x";
  const IgnoreRules rules({pattern + "b", deep + "/y"});
  std::string path = "x";
  for (int i = 0; i < 60; ++i) path += "/x";
  const auto before = std::chrono::steady_clock::now();
  EXPECT_FALSE(rules.matches(std::string(250, 'a'), false));
  EXPECT_FALSE(rules.matches(path, false));
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(500));
}

TEST(IgnoreLines, LfCrlfAndByteOrderMark) {
  EXPECT_EQ(ignore_lines("\xEF\xBB\xBF"
                         "a\r\n\nb"),
            (std::vector<std::string>{"a", "", "b"}));
  EXPECT_TRUE(ignore_lines("").empty());
}

TEST(IgnoreFilter, EitherSetAndEveryParent) {
  const IgnoreFilter filter({IgnoreRules({"build/"}), IgnoreRules({"*.log", "!keep.log"})}, {".twsync", "logs/own"});
  EXPECT_TRUE(filter.ignored("a/build/x/keep.log", false));
  EXPECT_FALSE(filter.ignored_here("a/build/x/keep.log", false)) << "a walk would not come here";
  EXPECT_TRUE(filter.ignored_here("a/build", true));
  EXPECT_FALSE(filter.ignored("a/build", false)) << "a file of that name";
  EXPECT_TRUE(filter.ignored("x.log", false));
  EXPECT_TRUE(filter.ignored(".twsync", true));
  EXPECT_TRUE(filter.ignored(".twsync/id/lock", false));
  EXPECT_FALSE(filter.ignored("a/.twsync", true)) << "deeper, that name is ordinary";
  EXPECT_TRUE(filter.ignored("logs/own/x", false));
  EXPECT_FALSE(filter.ignored("logs", true));
  EXPECT_FALSE(filter.ignored("", true));
}

}  // namespace
}  // namespace twsync
