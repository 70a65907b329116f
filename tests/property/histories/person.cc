#include "tests/property/histories/person.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/base/rel_path.h"
#include "common/base/text.h"
#include "common/fs/unique_fd.h"

namespace twsync::testing {

namespace fs = std::filesystem;

namespace {

constexpr const char* kEditorsName = "edit.tmp";

void write_all(int fd, const std::string& content) {
  for (size_t done = 0; done < content.size();) {
    const ssize_t n = ::write(fd, content.data() + done, content.size() - done);
    if (n <= 0) return;
    done += static_cast<size_t>(n);
  }
}

/// mtimes that people leave behind: mostly the clock's, some old, equal or far ahead.
void set_time(const std::string& path, unsigned when) {
  constexpr time_t kTimes[] = {1'000'000'000, 1'000'000'000, 1'500'000'000, 4'000'000'000};
  if (when % 7 >= 4) return;
  const struct timespec times[2] = {{0, UTIME_OMIT}, {kTimes[when % 7], 0}};
  ::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW);
}

}  // namespace

std::string content_at(const std::string& path) {
  std::error_code ec;
  const auto status = fs::symlink_status(path, ec);
  if (fs::is_symlink(status)) return fs::read_symlink(path, ec).string();
  if (!fs::is_regular_file(status)) return {};
  std::ifstream file(path, std::ios::binary);
  std::ostringstream out;
  out << file.rdbuf();
  return out.str();
}

std::string Ledger::fresh(unsigned kind) {
  std::string number = std::to_string(1'000'000 + next_++);
  return kind % 9 == 0 ? str("value", number, std::string(70'000, 'x')) : str("value", number);
}

void Ledger::wrote(Side side, const std::string& content) {
  must_[static_cast<size_t>(side)].insert(content);
  past_.push_back(content);
}

void Ledger::superseded(Side side, const std::string& content) {
  must_[static_cast<size_t>(side)].erase(content);
  if (time_passed_) must_[static_cast<size_t>(other(side))].erase(content);
}

std::vector<Person::Found> Person::look() const {
  std::vector<Found> found;
  std::error_code ec;
  for (auto it = fs::recursive_directory_iterator(root_, fs::directory_options::skip_permission_denied, ec);
       !ec && it != fs::recursive_directory_iterator(); it.increment(ec)) {
    const std::string path = it->path().string().substr(root_.size() + 1);
    if (path == ".twsync") {
      it.disable_recursion_pending();
      continue;
    }
    std::error_code gone;
    const auto status = it->symlink_status(gone);
    found.push_back({path, fs::is_symlink(status) ? 'l' : fs::is_directory(status) ? 'd' : 'f'});
  }
  std::sort(found.begin(), found.end(), [](const Found& a, const Found& b) { return a.path < b.path; });
  return found;
}

std::string Person::any(unsigned n) const {
  const auto found = look();
  return found.empty() ? std::string{} : found[n % found.size()].path;
}

std::string Person::any_file(unsigned n) const {
  auto found = look();
  std::erase_if(found, [](const Found& f) { return f.kind != 'f'; });
  return found.empty() ? std::string{} : found[n % found.size()].path;
}

std::string Person::place(unsigned n) const {
  static constexpr const char* kNames[] = {"a", "b", "c", "d"};
  std::vector<std::string> directories{""};
  for (const auto& f : look()) {
    if (f.kind == 'd' && std::count(f.path.begin(), f.path.end(), '/') < 3) directories.push_back(f.path);
  }
  return join_path(directories[(n / 4) % directories.size()], kNames[n % 4]);
}

void Person::hint(const std::string& path, const std::string& moved_from) {
  Hint hint;
  hint.side = side_;
  hint.path = path;
  hint.moved_from = moved_from;
  hint.is_move = !moved_from.empty();
  hint.recursive = fs::is_directory(fs::symlink_status(at(path)));
  hints_.push_back(std::move(hint));
}

std::vector<Hint> Person::take_hints() {
  return std::exchange(hints_, {});
}

void Person::lose(const std::string& path) {
  if (const auto content = content_at(at(path)); !content.empty()) ledger_.superseded(side_, content);
  for (const auto& f : look()) {
    if (is_below(f.path, path)) ledger_.superseded(side_, content_at(at(f.path)));
  }
}

void Person::act(const std::string& verb, const Step& step, const std::string& given) {
  const std::string content = given.empty() ? ledger_.fresh(step.c) : given;
  const std::string there = any(step.a);
  if (verb == "write") {
    const std::string file = any_file(step.a);
    write_in_place(file.empty() ? place(step.a) : file, content);
  } else if (verb == "replace") {
    replace(place(step.a), content, step.b);
  } else if (verb == "old" && !ledger_.past().empty()) {
    replace(place(step.a), ledger_.past()[step.b % ledger_.past().size()], step.c);
  } else if (verb == "append") {
    append(any_file(step.a), step.b);
  } else if (verb == "delete") {
    remove(there);
  } else if (verb == "rename") {
    rename(there, place(step.b));
  } else if (verb == "swap") {
    swap(there, any(step.b));
  } else if (verb == "mkdir") {
    const std::string path = place(step.a);
    ::mkdir(at(path).c_str(), step.b % 5 == 0 ? 0700 : 0755);
    hint(path);
  } else if (verb == "chmod" && !there.empty()) {
    constexpr mode_t kModes[] = {0700, 0750, 0755};
    (void)!::fchmodat(AT_FDCWD, at(there).c_str(), kModes[step.b % 3], 0);
    hint(there);
  } else if (verb == "touch" && !there.empty()) {
    set_time(at(there), step.b);
    hint(there);
  } else if (verb == "link") {
    link(place(step.a), step.b);
  } else if (verb == "kind") {
    change_kind(there, content);
  }
}

void Person::write_in_place(const std::string& path, const std::string& content) {
  const std::string before = content_at(at(path));
  const UniqueFd fd(::open(at(path).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!fd) return;
  if (!before.empty()) ledger_.superseded(side_, before);
  write_all(fd.get(), content);
  ledger_.wrote(side_, content);
  hint(path);
}

/// As an editor saves: a new file, renamed into place.
void Person::replace(const std::string& path, const std::string& content, unsigned when) {
  const std::string made = join_path(path.find('/') == std::string::npos ? "" : parent_path(path), kEditorsName);
  const UniqueFd fd(::open(at(made).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!fd) return;
  write_all(fd.get(), content);
  set_time(at(made), when);
  const std::string before = content_at(at(path));
  if (::rename(at(made).c_str(), at(path).c_str()) != 0) {
    ::unlink(at(made).c_str());
    return;
  }
  if (!before.empty()) ledger_.superseded(side_, before);
  ledger_.wrote(side_, content);
  hint(made);
  hint(path);
}

void Person::append(const std::string& path, unsigned n) {
  const std::string before = path.empty() ? std::string{} : content_at(at(path));
  if (before.empty() || before.size() > 1'000'000) return;
  const UniqueFd fd(::open(at(path).c_str(), O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return;
  const std::string more = ledger_.fresh(n);
  write_all(fd.get(), more);
  // Between the look and the write another version may have come: then the line belongs to that one.
  const std::string after = content_at(at(path));
  if (after == before + more) {
    ledger_.superseded(side_, before);
    ledger_.wrote(side_, after);
  }
  hint(path);
}

void Person::remove(const std::string& path) {
  if (path.empty()) return;
  auto below = look();
  std::reverse(below.begin(), below.end());
  for (const auto& f : below) {
    if (!is_at_or_below(f.path, path)) continue;
    const std::string content = content_at(at(f.path));
    const bool gone = f.kind == 'd' ? ::rmdir(at(f.path).c_str()) == 0 : ::unlink(at(f.path).c_str()) == 0;
    if (gone && !content.empty()) ledger_.superseded(side_, content);
  }
  hint(path);
}

void Person::rename(const std::string& from, const std::string& to) {
  if (from.empty() || from == to || is_at_or_below(to, from)) return;
  const std::string before = content_at(at(to));
  if (::rename(at(from).c_str(), at(to).c_str()) != 0) return;
  if (!before.empty()) ledger_.superseded(side_, before);
  hint(to, from);
}

void Person::swap(const std::string& one, const std::string& two) {
  if (one.empty() || two.empty() || is_at_or_below(one, two) || is_at_or_below(two, one)) return;
  if (::renameat2(AT_FDCWD, at(one).c_str(), AT_FDCWD, at(two).c_str(), RENAME_EXCHANGE) != 0) return;
  hint(one);
  hint(two);
}

void Person::link(const std::string& path, unsigned n) {
  const std::string target = n % 3 == 0 ? ledger_.fresh(1) : str("target", n % 2);
  const std::string made = join_path(path.find('/') == std::string::npos ? "" : parent_path(path), kEditorsName);
  if (::symlink(target.c_str(), at(made).c_str()) != 0) return;
  const std::string before = content_at(at(path));
  if (::rename(at(made).c_str(), at(path).c_str()) != 0) {
    ::unlink(at(made).c_str());
    return;
  }
  if (!before.empty()) ledger_.superseded(side_, before);
  ledger_.wrote(side_, target);
  hint(path);
}

void Person::change_kind(const std::string& path, const std::string& content) {
  if (path.empty()) return;
  const bool was_directory = fs::is_directory(fs::symlink_status(at(path)));
  remove(path);
  if (was_directory) return replace(path, content, 5);
  ::mkdir(at(path).c_str(), 0755);
  write_in_place(path + "/a", content);
  hint(path);
}

}  // namespace twsync::testing
