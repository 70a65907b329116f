// twsync doctor: repositories below a root whose hooks are ours.

#include <unistd.h>

#include <filesystem>

#include "common/base/text.h"
#include "common/ssh/authorized_keys.h"
#include "producers/cli/committers.h"
#include "producers/cli/doctor.h"
#include "producers/git_hook/hook_installer.h"

namespace twsync {

namespace {

namespace fs = std::filesystem;

// A tree of a million files is not searched to its end for this.
constexpr int kDeepest = 8;
constexpr size_t kMostEntries = 100'000;

bool is_repository(const fs::path& directory) {
  std::error_code ignored;
  if (fs::exists(directory / ".git", ignored)) return true;
  return fs::is_regular_file(directory / "HEAD", ignored) && fs::is_directory(directory / "objects", ignored);
}

void check_repository(const CliContext& context, const Led& led, const std::string& directory, Examination& exam) {
  const auto repository = find_repository(directory, true);
  if (!repository) return;
  const std::string program =
      program_of_hook(repository->hooks + (repository->bare ? "/post-receive" : "/post-commit"));
  if (program.empty()) return;
  if (::access(program.c_str(), X_OK) != 0) {
    exam.warn("hook", str("the hook of ", directory, " starts ", program, ", which is not there"),
              str("twsync hooks install ", shell_word(directory)));
  } else {
    exam.good("hook", directory);
  }
  const Hindrance hindrance = hindrance_of(context, led, *repository);
  if (!hindrance.text.empty()) exam.warn("hook-rights", hindrance.text, hindrance.mend);
}

}  // namespace

void check_hooks(const CliContext& context, const Led& led, const std::string& root, Examination& exam) {
  if (is_repository(root)) check_repository(context, led, root, exam);
  std::error_code error;
  size_t entries = 0;
  for (fs::recursive_directory_iterator it(root, fs::directory_options::skip_permission_denied, error), end;
       !error && it != end && ++entries <= kMostEntries; it.increment(error)) {
    std::error_code ignored;
    if (!it->is_directory(ignored) || it->is_symlink(ignored)) continue;
    const bool version_control = it->path().filename() == ".git";
    const bool found = !version_control && is_repository(it->path());
    if (found) check_repository(context, led, it->path().string(), exam);
    const bool bare = found && !fs::exists(it->path() / ".git", ignored);
    if (version_control || bare || it.depth() >= kDeepest || (it.depth() == 0 && it->path().filename() == ".twsync"))
      it.disable_recursion_pending();
  }
}

}  // namespace twsync
