#include "producers/cli/path_argument.h"

#include <gtest/gtest.h>

#include "../app/temp_dir.h"

namespace twsync {
namespace {

TEST(PathArgument, relative_and_absolute) {
  TempDir dir;
  const std::string root = dir.make("root");
  std::filesystem::create_directory_symlink(root, dir / "link");
  const auto relative = [&](const std::string& path) {
    auto result = relative_argument(path, root);
    return result ? *result : "ERROR " + result.error().message;
  };
  EXPECT_EQ(relative("a/./b/"), "a/b");
  EXPECT_EQ(relative("."), "");
  EXPECT_EQ(relative(root), "");
  EXPECT_EQ(relative(root + "/gone/x"), "gone/x");
  EXPECT_EQ(relative(dir / "link/x"), "x");
  EXPECT_EQ(relative("a/../b"), "b");
  EXPECT_EQ(relative("").substr(0, 5), "ERROR");
  EXPECT_EQ(relative("../x").substr(0, 5), "ERROR");
  EXPECT_EQ(relative("../root").substr(0, 5), "ERROR");
  EXPECT_EQ(relative("/etc").substr(0, 5), "ERROR");
  EXPECT_EQ(relative(root + "2").substr(0, 5), "ERROR");
}

}  // namespace
}  // namespace twsync
