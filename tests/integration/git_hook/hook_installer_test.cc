#include "producers/git_hook/hook_installer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include "../../unit/app/temp_dir.h"

namespace twsync {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

/// A real repository, and a stand-in for the program that the hooks call: it notes its arguments.
class HookInstaller : public testing::Test {
 protected:
  HookInstaller() {
    run("git init -q -b main repo && git -C repo config user.email t@example.org && git -C repo config user.name t");
    options_.repository = dir_ / "repo";
    options_.twsync = script("bin/two way", "echo \"$@\" >> '" + (dir_ / "called") + "'");
    options_.arguments = {"--config", "/it's/c.sh"};
  }

  void run(const std::string& command) {
    const std::string full =
        "cd '" + dir_.path() + "' && export HOME='" + dir_.path() + "' GIT_CONFIG_NOSYSTEM=1 && " + command;
    ASSERT_EQ(std::system(full.c_str()), 0) << command;
  }
  std::string script(const std::string& name, const std::string& body) {
    const std::string file = dir_.write(name, "#!/bin/sh\n" + body + "\n");
    ::chmod(file.c_str(), 0755);
    return file;
  }
  void commit() { run("git -C repo commit -q --allow-empty -m x"); }
  /// The hook works in the background: waits for what it wrote.
  std::string called(size_t lines) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    for (;;) {
      const std::string text = dir_.read("called");
      if (static_cast<size_t>(std::count(text.begin(), text.end(), '\n')) >= lines) return text;
      if (std::chrono::steady_clock::now() > deadline) return text;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }

  TempDir dir_;
  HookOptions options_;
};

TEST_F(HookInstaller, a_commit_publishes_its_work_tree) {
  const auto installed = install_hooks(options_);
  ASSERT_TRUE(installed.ok()) << describe(installed.error());
  EXPECT_EQ(installed->size(), 3u);
  commit();
  EXPECT_EQ(called(1), "--config /it's/c.sh publish --source git-hook --path " + dir_.path() + "/repo\n");
}

TEST_F(HookInstaller, checkout_and_merge_publish_as_well) {
  commit();
  ASSERT_TRUE(install_hooks(options_).ok());
  run("git -C repo checkout -q -b other");
  EXPECT_THAT(called(1), HasSubstr("publish"));
  commit();
  called(2);
  run("git -C repo checkout -q main && git -C repo merge -q other");
  const std::string text = called(4);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 4);
}

TEST_F(HookInstaller, a_hook_that_is_there_still_runs_and_comes_back) {
  const std::string theirs = script("repo/.git/hooks/post-commit", "echo theirs >> '" + (dir_ / "theirs") + "'");
  const std::string before = dir_.read("repo/.git/hooks/post-commit");
  ASSERT_TRUE(install_hooks(options_).ok());
  ASSERT_TRUE(install_hooks(options_).ok());
  commit();
  EXPECT_THAT(called(1), HasSubstr("publish"));
  EXPECT_EQ(dir_.read("theirs"), "theirs\n");

  const auto removed = uninstall_hooks(options_.repository);
  ASSERT_TRUE(removed.ok());
  EXPECT_EQ(removed->size(), 3u);
  EXPECT_EQ(dir_.read("repo/.git/hooks/post-commit"), before);
  EXPECT_FALSE(fs::exists(dir_ / "repo/.git/hooks/post-merge"));
  EXPECT_FALSE(fs::exists(theirs + ".before-twsync"));
}

TEST_F(HookInstaller, uninstall_leaves_foreign_hooks_alone) {
  script("repo/.git/hooks/post-commit", "true");
  const auto removed = uninstall_hooks(options_.repository);
  ASSERT_TRUE(removed.ok());
  EXPECT_TRUE(removed->empty());
  EXPECT_TRUE(fs::exists(dir_ / "repo/.git/hooks/post-commit"));
}

TEST_F(HookInstaller, core_hooks_path_is_respected) {
  run("git -C repo config core.hooksPath shared");
  ASSERT_TRUE(install_hooks(options_).ok());
  EXPECT_TRUE(fs::exists(dir_ / "repo/shared/post-commit"));
  EXPECT_FALSE(fs::exists(dir_ / "repo/.git/hooks/post-commit"));
  commit();
  EXPECT_THAT(called(1), HasSubstr("publish"));
}

TEST_F(HookInstaller, a_push_into_a_bare_repository_publishes_the_root_it_is_for) {
  run("git init -q --bare -b main bare.git && git -C repo remote add origin ../bare.git");
  const std::string theirs = script("bare.git/hooks/post-receive", "cat >> '" + (dir_ / "pushed") + "'; exit 3");
  options_.repository = dir_ / "bare.git";
  options_.pushed_root = "/the root";
  const auto installed = install_hooks(options_);
  ASSERT_TRUE(installed.ok()) << describe(installed.error());
  EXPECT_EQ(installed->size(), 4u);
  commit();
  run("git -C repo push -q origin main");
  EXPECT_EQ(called(1), "--config /it's/c.sh publish --source git-hook --path /the root\n");
  EXPECT_THAT(dir_.read("pushed"), HasSubstr(" refs/heads/main\n"));

  options_.pushed_root = "";
  ASSERT_TRUE(install_hooks(options_).ok());
  commit();
  run("git -C repo push -q origin main");
  EXPECT_THAT(called(2), HasSubstr("git-hook\n"));

  ASSERT_TRUE(uninstall_hooks(options_.repository).ok());
  EXPECT_THAT(dir_.read("bare.git/hooks/post-receive"), HasSubstr("pushed"));
}

TEST_F(HookInstaller, a_worktree_of_a_bare_repository_publishes_itself) {
  commit();
  run("git clone -q --bare repo bare.git && git -C bare.git worktree add -q ../linked main");
  options_.repository = dir_ / "linked";
  ASSERT_TRUE(install_hooks(options_).ok());
  run("git -C linked -c user.name=t -c user.email=t@example.org commit -q --allow-empty -m y");
  EXPECT_THAT(called(1), HasSubstr("--path " + dir_.path() + "/linked\n"));
}

TEST_F(HookInstaller, a_missing_program_does_not_fail_the_commit) {
  options_.twsync = "/nonexistent/twsync";
  ASSERT_TRUE(install_hooks(options_).ok());
  commit();
}

TEST_F(HookInstaller, no_repository_is_a_usage_error) {
  options_.repository = dir_.make("plain");
  const auto installed = install_hooks(options_);
  ASSERT_FALSE(installed.ok());
  EXPECT_EQ(installed.error().code, ErrorCode::usage);
}

}  // namespace
}  // namespace twsync
