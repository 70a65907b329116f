// The trees of the power cuts, in one process each: made, edited, compared, judged.
//
// first DIR | edit DIR KIND  20 files of 1 to 20 kB and others; a change as a person or a program makes it. Nothing is
//                            flushed
// notes DIR                  writes a short note there 100 times a second, until it is killed
// trees DIR FILE...          writes the manifest of what stands in DIR to FILE, the same bytes for the same tree; any
//                            number of pairs
// copied RESULT SIDE CODE DEPLOY
//                            writes the manifests of a disk's copy (of SIDE, or "" = neither) that took its place, and
//                            one line: how it differs from the live disk; exit code 1 if it does not
// judge WHEN RESULT CODE DEPLOY SURVIVOR...
//                            compares old, new, copy and both trees as they are now: see judge(); exit code 1 if
//                            something was lost

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

struct Entry {
  std::string head;     // kind, mode, mtime and size, or what hinders to read it
  std::string content;  // or a link's target
  bool operator==(const Entry&) const = default;
};
using Tree = std::map<std::string, Entry>;

constexpr timespec kFirstTime = {1'714'564'800, 250'000'000};  // 2024-05-01 12:00
constexpr timespec kOtherTime = {1'748'772'000, 500'000'000};  // 2025-06-01 10:00
constexpr int kFiles = 20;
constexpr useconds_t kNotePause = 10'000;

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

void write(const fs::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  if (!file.flush()) fail("cannot write " + path.string());
}

std::string two(int n) {
  return (n < 10 ? "0" : "") + std::to_string(n);
}

// About so many bytes that no other file has.
void put(const fs::path& path, int size) {
  timespec now;
  ::clock_gettime(CLOCK_REALTIME, &now);
  std::string text = std::to_string(now.tv_sec) + "." + std::to_string(now.tv_nsec) + " " + path.string() + " ";
  std::ifstream noise("/dev/urandom", std::ios::binary);
  static constexpr char kDigits[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/";
  std::string bytes(static_cast<size_t>(size), '\0');
  noise.read(bytes.data(), size);
  for (const char c : bytes) text += kDigits[static_cast<unsigned char>(c) % 64];
  write(path, text);
}

void set_mtime(const fs::path& path, timespec at) {
  const timespec times[] = {at, at};
  if (::utimensat(AT_FDCWD, path.c_str(), times, 0) != 0) fail("cannot set the time of " + path.string());
}

void first(const fs::path& root) {
  for (const char* dir : {"a", "d", "keep"}) fs::create_directories(root / dir);
  for (int n = 1; n <= kFiles; ++n) put(root / "a" / ("f" + two(n)), n * 1000);
  for (int n = 1; n <= 50; ++n) write(root / "keep" / ("k" + two(n)), "kept " + two(n) + "\n");
  for (int n = 1; n <= 5; ++n) write(root / "d" / std::to_string(n), "in " + std::to_string(n) + "\n");
  for (const auto& entry : fs::recursive_directory_iterator(root))
    if (entry.is_regular_file()) set_mtime(entry.path(), kFirstTime);
}

void overwrite(const fs::path& dir) {
  for (int n = 1; n <= kFiles; ++n) {
    const fs::path file = dir / ("f" + two(n));
    if (n % 2 == 0) {
      put(file, n * 900);
    } else {
      put(dir / ".new", n * 1100);
      fs::rename(dir / ".new", file);
    }
  }
}

void edit(const fs::path& root, const std::string& kind) {
  if (kind == "create") {
    fs::create_directory(root / "n");
    for (int n = 1; n <= kFiles; ++n) put(root / "n" / ("f" + two(n)), n * 1000);
  } else if (kind == "overwrite") {
    overwrite(root / "a");
  } else if (kind == "delete") {
    fs::remove_all(root / "a");
  } else if (kind == "rename") {
    fs::rename(root / "d", root / "e");
    for (int n = 1; n <= kFiles; ++n) fs::rename(root / "a" / ("f" + two(n)), root / "keep" / ("g" + two(n)));
  } else if (kind == "metadata") {
    for (int n = 1; n <= kFiles; ++n) {
      const fs::path file = root / "a" / ("f" + two(n));
      if (::chmod(file.c_str(), 0640) != 0) fail("cannot change " + file.string());
      set_mtime(file, kOtherTime);
    }
    if (::chmod((root / "d").c_str(), 0750) != 0) fail("cannot change d");
  } else {
    throw std::runtime_error("no such kind of edit: " + kind);
  }
}

[[noreturn]] void notes(const fs::path& dir) {
  for (int n = 0;; ++n) {
    std::ofstream(dir / std::to_string(n)) << "note " << n << '\n';
    ::usleep(kNotePause);
  }
}

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file.is_open() || file.bad()) fail("cannot read " + path.string());
  return text;
}

Entry entry_of(const fs::path& path) {
  struct stat st = {};
  if (::lstat(path.c_str(), &st) != 0) return {"unreadable: " + std::string(std::strerror(errno)), ""};
  std::ostringstream head;
  head << std::oct << (st.st_mode & 07777) << std::dec;
  if (S_ISDIR(st.st_mode)) return {"directory " + head.str(), ""};
  if (S_ISLNK(st.st_mode)) return {"link", fs::read_symlink(path).string()};
  head << ' ' << st.st_mtim.tv_sec << '.' << st.st_mtim.tv_nsec << ' ' << st.st_size;
  std::string content(static_cast<size_t>(st.st_size), '\0');
  const int fd = S_ISREG(st.st_mode) ? ::open(path.c_str(), O_RDONLY | O_CLOEXEC) : -1;
  const ssize_t got = fd < 0 ? -1 : ::pread(fd, content.data(), content.size(), 0);
  const int err = errno;
  if (fd >= 0) ::close(fd);
  if (got != st.st_size) return {"unreadable: " + std::string(std::strerror(got < 0 ? err : EIO)), ""};
  return {"file " + head.str(), content};
}

Tree tree_of(const fs::path& root) {
  Tree out;
  if (!fs::exists(root)) return out;
  for (auto it = fs::recursive_directory_iterator(root); it != fs::recursive_directory_iterator(); ++it) {
    const std::string name = it->path().lexically_relative(root).string();
    if (name == ".twsync" || name == "lost+found") {
      it.disable_recursion_pending();
      continue;
    }
    out[name] = entry_of(it->path());
  }
  return out;
}

// Three strings an entry, each after its length.
void save(const Tree& tree, const std::string& file) {
  std::ostringstream out;
  for (const auto& [path, entry] : tree)
    for (const std::string& s : {path, entry.head, entry.content}) out << s.size() << ' ' << s;
  write(file, out.str());
}

Tree load(const std::string& file) {
  std::istringstream in(read(file));
  const auto next = [&](std::string& s) {
    size_t size = 0;
    if (!(in >> size)) return false;
    s.resize(size);
    in.ignore(1);
    in.read(s.data(), static_cast<std::streamsize>(size));
    return static_cast<bool>(in);
  };
  Tree tree;
  for (std::string path; next(path);) {
    Entry entry;
    if (!next(entry.head) || !next(entry.content)) throw std::runtime_error(file + " is not whole");
    tree[path] = std::move(entry);
  }
  return tree;
}

std::optional<Entry> at(const Tree& tree, const std::string& path) {
  const auto found = tree.find(path);
  return found == tree.end() ? std::nullopt : std::optional(found->second);
}

std::string name_of(const std::optional<Entry>& entry) {
  return entry ? entry->head : "nothing";
}

bool is_empty(const Entry& entry) {
  return entry.head.starts_with("file") && entry.content.empty();
}

std::string differ(const Tree& live, const Tree& copy) {
  size_t absent = 0, more = 0, empty = 0, other = 0;
  for (const auto& [path, entry] : live) {
    const auto now = at(copy, path);
    size_t& differs = !now ? absent : is_empty(*now) && !is_empty(entry) ? empty : other;
    differs += now == entry ? 0 : 1;
  }
  for (const auto& [path, entry] : copy) more += live.contains(path) ? 0 : 1;
  if (absent + more + empty + other == 0) return "identical";
  std::ostringstream out;
  out << absent << " absent, " << more << " still there, " << empty << " empty, " << other << " otherwise different";
  return out.str();
}

bool copied(const std::string& result, const std::string& side, const std::string& code, const std::string& deploy) {
  const std::map<std::string, std::string> roots = {
      {"code", code}, {"deploy", deploy}, {"notes", result + "/disk/notes"}};
  std::map<std::string, std::string> how;
  for (const auto& [name, root] : roots) {
    const Tree copy = tree_of(root);
    how[name] = differ(load(result + "/" + name + ".live.tree"), copy);
    save(copy, result + "/" + name + ".copy.tree");
    if (name == (side.empty() ? "code" : side)) save(copy, result + "/copy.tree");
  }
  const std::string tree = side.empty() ? "the state of that moment" : how[side];
  std::cout << tree << "; notes: " << how["notes"] << '\n';
  return tree != "identical" || how["notes"] != "identical";
}

// What stands afterwards must be, on both sides alike and path by path, whole: the old or the new version. The new one
// where it had been reported as done, or where a survivor had it. Only what nobody but the cut disk ever had (a
// person's own unflushed new file; one that was renamed by then, and whose rename the cut took back) may be as the cut
// left it.
bool judge(bool done, const std::string& result, const Tree& code, const Tree& deploy, const std::vector<Tree>& kept) {
  const Tree old = load(result + "/old.tree"), edited = load(result + "/new.tree"), copy = load(result + "/copy.tree");
  std::set<std::string> paths;
  for (const Tree* tree : {&old, &edited, &code, &deploy})
    for (const auto& [path, entry] : *tree) paths.insert(path);
  std::vector<std::string> problems;
  int good = 0, touched = 0;
  for (const std::string& path : paths) {
    const auto before = at(old, path), after = at(edited, path), now = at(code, path), there = at(deploy, path);
    if (there != now) {
      problems.push_back(path + ": code " + name_of(now) + ", deploy " + name_of(there));
      continue;
    }
    bool must = done, only_there = true;
    for (const Tree& survivor : kept) {
      const auto its = at(survivor, path);
      must = must || (its == after && before != after);
      only_there = only_there && (!its || its == at(copy, path));
    }
    const bool unknown = !before && (!after || !must) && only_there;
    if (now != after && (must || now != before) && !(unknown && now == at(copy, path)))
      problems.push_back(path + ": " + name_of(now) + ", not the " + (must ? "new" : "old or the new") + " version");
    if (before != after) ++touched;
    if (before != after && now == after) ++good;
  }
  std::cout << good << '/' << touched << " new\n";
  for (size_t i = 0; i < problems.size() && i < 5; ++i) std::cout << problems[i] << '\n';
  return problems.empty();
}

bool run(const std::vector<std::string>& words) {
  const std::string command = words.empty() ? "" : words[0];
  if (command == "first" && words.size() == 2) return first(words[1]), true;
  if (command == "edit" && words.size() == 3) return edit(words[1], words[2]), true;
  if (command == "notes" && words.size() == 2) notes(words[1]);
  if (command == "copied" && words.size() == 5) return copied(words[1], words[2], words[3], words[4]);
  if (command == "trees" && words.size() % 2 == 1) {
    for (size_t i = 1; i < words.size(); i += 2) save(tree_of(words[i]), words[i + 1]);
    return true;
  }
  if (command == "judge" && words.size() > 5) {
    std::vector<Tree> kept;
    for (size_t i = 5; i < words.size(); ++i) kept.push_back(load(words[i]));
    return judge(words[1] == "done", words[2], tree_of(words[3]), tree_of(words[4]), kept);
  }
  throw std::runtime_error("unknown command; the commands are in the source's first lines");
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run({argv + 1, argv + argc}) ? 0 : 1;
  } catch (const std::exception& e) {
    std::cout << "cut_tree: " << e.what() << '\n';
    return 2;
  }
}
