// nth_tree COMMAND...: the small tree of nth_call_lib.sh below ./code and ./deploy, and what must hold of it, in one
// process: a case that starts a program for each file and each question takes longer for that than for its runs.
//
//   first | edits | many   makes one path for each kind of change, the changes, enough files for a shared flush
//   note                   adds every content that stands there to ./contents
//   kept                   each of those still exists, be it in a version store
//   equal                  both sides are the same: kinds, bytes, modes, file and link times
//   judge                  kept, equal, stages empty
//   as MANIFEST            code is as it says
//   manifest DIR           one line an entry: path, kind, mode, size and content, or target
//   unlocked               nobody holds a root or works in a stage
//
// Exit code 1 and a line that says what does not hold.

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace fs = std::filesystem;

namespace {

using Manifest = std::map<std::string, std::string>;

constexpr off_t kLargestKept = 2'000'000;
constexpr time_t kBothCode = 1'709'287'200;  // 2024-03-01 10:00
const char* const kSides[] = {"code", "deploy"};

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what);
}

void require(bool done, const fs::path& path) {
  if (!done) fail("cannot make " + path.string());
}

void write(const fs::path& path, std::string_view text) {
  std::ofstream file(path);
  file << text << '\n';
  require(static_cast<bool>(file.flush()), path);
}

void set_mtime(const fs::path& path, time_t at) {
  const timespec times[] = {{0, UTIME_OMIT}, {at, 0}};
  require(::utimensat(AT_FDCWD, path.c_str(), times, 0) == 0, path);
}

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void first_of(const fs::path& root, const std::string& s) {
  for (const char* dir : {"move-", "todir-parent-", "tofile-", "keep-", "meta-dir-"})
    fs::create_directories(root / (dir + s));
  fs::create_directories(root / ("move-" + s) / "in");
  for (const std::string& name : {"replace-" + s, "delete-" + s, "rename-" + s, "todir-" + s, "meta-" + s, "hard-" + s,
                                  "move-" + s + "/in/f", "tofile-" + s + "/f", "keep-" + s + "/f"}) {
    write(root / name, "first " + name);
  }
  fs::create_hard_link(root / ("hard-" + s), root / ("hard-" + s + "-2"));
  fs::create_symlink("first-target", root / ("link-" + s));
}

void edits_of(const fs::path& root, const std::string& s) {
  const auto at = [&](const std::string& name) { return root / (name + s); };
  write(at("create-"), "second create-" + s);
  fs::create_directories(at("newdir-") / "deep");
  write(at("newdir-") / "deep/f", "second deep-" + s);
  write(at("replace-"), "second replace-" + s + ", longer");
  fs::remove(at("delete-"));
  fs::rename(at("rename-"), at("renamed-"));
  fs::rename(at("move-"), at("moved-"));
  fs::remove(at("todir-"));
  fs::create_directory(at("todir-"));
  write(at("todir-") / "inside", "second inside-" + s);
  fs::remove_all(at("tofile-"));
  write(at("tofile-"), "second tofile-" + s);
  require(::chmod(at("meta-").c_str(), 0640) == 0, at("meta-"));
  require(::chmod(at("meta-dir-").c_str(), 0710) == 0, at("meta-dir-"));
  fs::create_hard_link(at("hard-"), root / ("hard-" + s + "-3"));
  fs::remove(root / ("hard-" + s + "-2"));
  fs::remove(at("link-"));
  fs::create_symlink("second-target", at("link-"));
}

void first() {
  first_of("code", "c");
  first_of("deploy", "d");
  write("code/both", "first both");
  write("code/edited", "first edited");
}

void edits() {
  edits_of("code", "c");
  edits_of("deploy", "d");
  fs::remove("code/edited");
  write("deploy/edited", "second edited");
  write("code/both", "second both code");
  set_mtime("code/both", kBothCode);
  write("deploy/both", "second both deploy");
  set_mtime("deploy/both", kBothCode + 3600);
}

void many() {
  for (const char* side : kSides) {
    const fs::path dir = fs::path(side) / (std::string("many-") + *side);
    fs::create_directory(dir);
    for (int n = 1; n <= 20; ++n)
      write(dir / std::to_string(n), std::string("many ") + *side + " " + std::to_string(n));
  }
}

std::string mode_of(const struct stat& st) {
  std::ostringstream text;
  text << std::oct << (st.st_mode & 07777);
  return text.str();
}

std::string with_time(const std::string& text, const struct stat& st) {
  return text + " " + std::to_string(st.st_mtim.tv_sec) + "." + std::to_string(st.st_mtim.tv_nsec);
}

enum class Times { none, files_and_links };

Manifest manifest(const fs::path& root, Times times) {
  Manifest out;
  for (auto it = fs::recursive_directory_iterator(root); it != fs::recursive_directory_iterator(); ++it) {
    const fs::path& path = it->path();
    struct stat st = {};
    require(::lstat(path.c_str(), &st) == 0, path);
    const std::string name = path.lexically_relative(root).string();
    if (name == ".twsync") {
      it.disable_recursion_pending();
      continue;
    }
    std::string text = S_ISDIR(st.st_mode)   ? "d " + mode_of(st)
                       : S_ISREG(st.st_mode) ? "f " + mode_of(st) + " " + std::to_string(st.st_size) + " " + read(path)
                       : S_ISLNK(st.st_mode) ? "l " + fs::read_symlink(path).string()
                                             : "? " + mode_of(st);
    if (text.back() == '\n') text.pop_back();
    out[name] = times == Times::none || S_ISDIR(st.st_mode) ? text : with_time(text, st);
  }
  return out;
}

std::string to_text(const Manifest& entries) {
  std::string text;
  for (const auto& [name, value] : entries) text += name + " " + value + "\n";
  return text;
}

std::set<std::string> lines_of(const std::string& text) {
  std::set<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.insert(line);
  return lines;
}

/// The first lines that only one of both has.
std::string difference(const std::string& a, const std::string& b) {
  const auto in_a = lines_of(a), in_b = lines_of(b);
  std::string out;
  for (const std::string& line : in_a) out += in_b.contains(line) ? "" : "< " + line + " ";
  for (const std::string& line : in_b) out += in_a.contains(line) ? "" : "> " + line + " ";
  return out.substr(0, 500);
}

void equal() {
  const std::string code = to_text(manifest("code", Times::files_and_links));
  const std::string deploy = to_text(manifest("deploy", Times::files_and_links));
  if (code != deploy) fail("the trees differ: " + difference(code, deploy));
}

// What they then replaced themselves on both sides needn't stay.
void note() {
  std::set<std::string> lines = lines_of(read("contents"));
  for (const char* side : kSides) {
    for (const auto& [name, value] : manifest(side, Times::none)) {
      if (value.starts_with("f ")) lines.merge(lines_of(read(fs::path(side) / name)));
    }
  }
  if (fs::exists("code/create-c")) {
    lines.erase("first both");
    lines.erase("first edited");
  }
  std::ofstream out("contents");
  for (const std::string& line : lines) out << line << '\n';
}

void kept() {
  std::string have;
  for (const char* side : kSides) {
    for (const auto& entry : fs::recursive_directory_iterator(side)) {
      struct stat st = {};
      require(::lstat(entry.path().c_str(), &st) == 0, entry.path());
      if (S_ISREG(st.st_mode) && st.st_size < kLargestKept && entry.path().filename() != "index")
        have += read(entry.path());
    }
  }
  for (const std::string& line : lines_of(read("contents"))) {
    if (have.find(line) == std::string::npos) fail("lost: " + line);
  }
}

template <class What>
void in_each_state(What what) {
  for (const char* side : kSides) {
    const fs::path states = fs::path(side) / ".twsync";
    if (!fs::exists(states)) continue;
    for (const auto& pair : fs::directory_iterator(states)) what(pair.path());
  }
}

void stages_empty() {
  in_each_state([](const fs::path& state) {
    if (!fs::exists(state / "stage")) return;
    for (const auto& area : fs::directory_iterator(state / "stage")) fail("left in a stage: " + area.path().string());
  });
}

void check_unlocked(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  const bool free = ::flock(fd, LOCK_EX | LOCK_NB) == 0;
  ::close(fd);
  if (!free) fail("locked: " + path.string());
}

void unlocked() {
  in_each_state([](const fs::path& state) {
    check_unlocked(state / "lock");
    if (!fs::exists(state / "stage")) return;
    for (const auto& area : fs::directory_iterator(state / "stage")) check_unlocked(area.path());
  });
}

void judge() {
  kept();
  equal();
  stages_empty();
}

void as(const std::string& expected) {
  const std::string now = to_text(manifest("code", Times::none)), then = read(expected);
  if (now != then) fail("changed: " + difference(then, now));
}

const std::map<std::string, void (*)()> kCommands = {
    {"first", first}, {"edits", edits}, {"many", many},   {"note", note},
    {"kept", kept},   {"equal", equal}, {"judge", judge}, {"unlocked", unlocked},
};

void run(const std::vector<std::string>& words) {
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (const auto found = kCommands.find(word); found != kCommands.end()) {
      found->second();
    } else if (word == "as" && i + 1 < words.size()) {
      as(words[++i]);
    } else if (word == "manifest" && i + 1 < words.size()) {
      std::cout << to_text(manifest(words[++i], Times::none));
    } else {
      fail("no such command: " + word);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::cout << error.what() << '\n';
    return 1;
  }
  return 0;
}
