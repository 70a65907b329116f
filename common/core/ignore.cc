#include "common/core/ignore.h"

#include <algorithm>
#include <utility>

#include "common/base/rel_path.h"

namespace twsync {

namespace {

constexpr size_t kNoRule = static_cast<size_t>(-1);

/// Trailing spaces don't count unless a backslash stands before them.
std::string_view trim_end(std::string_view line) {
  size_t end = line.size();
  while (end > 0 && line[end - 1] == ' ') {
    size_t slashes = 0;
    while (slashes + 1 < end && line[end - 2 - slashes] == '\\') ++slashes;
    if (slashes % 2 == 1) break;
    --end;
  }
  return line.substr(0, end);
}

}  // namespace

IgnoreRules::IgnoreRules(const std::vector<std::string>& patterns) {
  for (const std::string& pattern : patterns) {
    if (!add(pattern)) bad_.push_back(pattern);
  }
  std::sort(suffix_sizes_.begin(), suffix_sizes_.end());
  suffix_sizes_.erase(std::unique(suffix_sizes_.begin(), suffix_sizes_.end()), suffix_sizes_.end());
}

bool IgnoreRules::add(std::string_view pattern) {
  pattern = trim_end(pattern);
  if (pattern.empty() || pattern[0] == '#') return true;
  Rule rule;
  if (pattern[0] == '!') {
    rule.negated = true;
    pattern.remove_prefix(1);
  }
  if (pattern.ends_with('/')) {
    rule.directory_only = true;
    pattern.remove_suffix(1);
  }
  bool anchored = pattern.find('/') != std::string_view::npos;
  if (pattern.starts_with('/')) pattern.remove_prefix(1);
  while (pattern.starts_with("**/") && pattern.find('/', 3) == std::string_view::npos && pattern.size() > 3) {
    pattern.remove_prefix(3);  // "**/name" is "name" at any depth
    anchored = false;
  }
  if (pattern.empty()) return false;
  const size_t number = rules_.size();
  if (!(anchored ? add_path(pattern, number) : add_name(pattern, number))) return false;
  rules_.push_back(rule);
  return true;
}

bool IgnoreRules::add_name(std::string_view pattern, size_t rule) {
  auto glob = NameGlob::compile(pattern);
  if (!glob) return false;
  if (const auto plain = glob->literal()) {
    names_[*plain].push_back(rule);
  } else if (const auto suffix = glob->suffix()) {
    suffixes_[*suffix].push_back(rule);
    suffix_sizes_.push_back(suffix->size());
  } else {
    name_globs_.push_back({rule, std::move(*glob)});
  }
  return true;
}

bool IgnoreRules::add_path(std::string_view pattern, size_t rule) {
  if (pattern.find_first_of("*?[\\") == std::string_view::npos) {
    paths_[std::string(pattern)].push_back(rule);
    return true;
  }
  auto glob = PathGlob::compile(pattern);
  if (!glob) return false;
  path_globs_.push_back({rule, std::move(*glob)});
  return true;
}

bool IgnoreRules::counts(size_t rule, bool is_directory, size_t last) const {
  return (last == kNoRule || rule > last) && (is_directory || !rules_[rule].directory_only);
}

void IgnoreRules::look_up(const Index& index, std::string_view text, bool is_directory, size_t& last) const {
  if (index.empty()) return;
  const auto it = index.find(text);
  if (it == index.end()) return;
  for (const size_t rule : it->second) {
    if (counts(rule, is_directory, last)) last = rule;
  }
}

bool IgnoreRules::matches(std::string_view path, bool is_directory) const {
  if (rules_.empty() || path.empty()) return false;
  const std::string_view name = base_name(path);
  size_t last = kNoRule;
  look_up(names_, name, is_directory, last);
  look_up(paths_, path, is_directory, last);
  for (const size_t size : suffix_sizes_) {
    if (size > name.size()) break;
    look_up(suffixes_, name.substr(name.size() - size), is_directory, last);
  }
  for (const auto& pattern : name_globs_) {
    if (counts(pattern.rule, is_directory, last) && pattern.glob.matches(name)) last = pattern.rule;
  }
  for (const auto& pattern : path_globs_) {
    if (counts(pattern.rule, is_directory, last) && pattern.glob.matches(path)) last = pattern.rule;
  }
  return last != kNoRule && !rules_[last].negated;
}

std::vector<std::string> ignore_lines(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.emplace_back(line);
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

IgnoreFilter::IgnoreFilter(std::vector<IgnoreRules> sets, std::vector<std::string> never) : sets_(std::move(sets)) {
  for (std::string& path : never) never_.insert(std::move(path));
}

bool IgnoreFilter::ignored_here(std::string_view path, bool is_directory) const {
  if (never_.find(path) != never_.end()) return true;
  return std::any_of(sets_.begin(), sets_.end(),
                     [&](const IgnoreRules& set) { return set.matches(path, is_directory); });
}

bool IgnoreFilter::ignored(std::string_view path, bool is_directory) const {
  for (bool directory = is_directory; !path.empty(); path = parent_path(path), directory = true) {
    if (ignored_here(path, directory)) return true;
  }
  return false;
}

}  // namespace twsync
