#include "common/app/shell_assignments.h"

#include <gtest/gtest.h>

namespace twsync {
namespace {

std::string one_value(std::string_view text) {
  auto parsed = parse_assignments(text, "c.sh");
  if (!parsed) return "ERROR " + parsed.error().message;
  if (parsed->size() != 1) return "COUNT";
  return (*parsed)[0].value;
}

TEST(ShellAssignments, values_read_as_a_shell_reads_them) {
  EXPECT_EQ(one_value("A=b"), "b");
  EXPECT_EQ(one_value("A="), "");
  EXPECT_EQ(one_value("A=''"), "");
  EXPECT_EQ(one_value("  export A=b # why"), "b");
  EXPECT_EQ(one_value("A='a $x `y` \\ \"'"), "a $x `y` \\ \"");
  EXPECT_EQ(one_value("A=\"a b\\\"\\$\\\\ \\n\""), "a b\"$\\ \\n");
  EXPECT_EQ(one_value("A=a\\ b'c d'\"e f\""), "a bc de f");
  EXPECT_EQ(one_value("A=\"x\ny\""), "x\ny");
  EXPECT_EQ(one_value("A=x\\\ny"), "xy");
  EXPECT_EQ(one_value("A=a#b"), "a#b");
  EXPECT_EQ(one_value("A=b\r\n"), "b");
  EXPECT_EQ(one_value("\n\n# only\nA=b;\n"), "b");
}

TEST(ShellAssignments, what_a_shell_would_run_is_refused_with_file_and_line) {
  const char* bad[] = {"A=$HOME", "A=\"$HOME\"",   "A=`id`",   "A=\"`id`\"", "A=$(id)", "A=(a b)",
                       "A=b c",   "A=b; rm -rf x", "rm -rf x", "A =b",       "A=b|c",   "A=b&",
                       "A=<x",    "A='open",       "A=\"open", "source x",   "if true", "A=~/x",
                       "A=b#c d", "1A=b",          "export",   "export A",   "A=b\\"};
  for (const char* text : bad) {
    auto parsed = parse_assignments(std::string("\n\n") + text, "dir/c.sh");
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::usage) << text;
    EXPECT_EQ(parsed.error().message.find("dir/c.sh:3: "), 0u) << parsed.error().message;
    EXPECT_NE(parsed.error().message.find("allowed"), std::string::npos) << parsed.error().message;
  }
}

TEST(ShellAssignments, lines_are_counted_through_quotes) {
  auto parsed = parse_assignments("A='x\ny'\nB=2\n", "c.sh");
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ((*parsed)[1].line, 3u);
}

}  // namespace
}  // namespace twsync
