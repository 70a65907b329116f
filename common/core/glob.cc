#include "common/core/glob.h"

#include <array>

namespace twsync {

namespace {

using Set = std::bitset<256>;

/// POSIX classes in the C locale: names are bytes.
bool add_class(Set& set, std::string_view name) {
  const auto range = [&set](int from, int to) {
    for (int c = from; c <= to; ++c) set.set(static_cast<size_t>(c));
  };
  const auto bytes = [&set](std::string_view all) {
    for (const char c : all) set.set(static_cast<unsigned char>(c));
  };
  const auto punct = [&range] { range(33, 47), range(58, 64), range(91, 96), range(123, 126); };
  if (name == "alpha") return range('a', 'z'), range('A', 'Z'), true;
  if (name == "digit") return range('0', '9'), true;
  if (name == "alnum") return range('a', 'z'), range('A', 'Z'), range('0', '9'), true;
  if (name == "upper") return range('A', 'Z'), true;
  if (name == "lower") return range('a', 'z'), true;
  if (name == "space") return bytes(" \t\n\v\f\r"), true;
  if (name == "blank") return bytes(" \t"), true;
  if (name == "cntrl") return range(0, 31), set.set(127), true;
  if (name == "graph") return range(33, 126), true;
  if (name == "print") return range(32, 126), true;
  if (name == "punct") return punct(), true;
  if (name == "xdigit") return range('0', '9'), range('a', 'f'), range('A', 'F'), true;
  return false;
}

/// Reads a class after its '['; leaves `at` behind the ']'. False: unclosed or bad.
class SetReader {
 public:
  SetReader(std::string_view pattern, size_t& at) : pattern_(pattern), at_(at) {}

  bool read(Set& set) {
    const bool negated = at_ < pattern_.size() && (pattern_[at_] == '!' || pattern_[at_] == '^');
    if (negated) ++at_;
    for (bool first = true;; first = false) {
      if (at_ >= pattern_.size()) return false;
      if (pattern_[at_] == ']' && !first) break;
      if (!element(set)) return false;
    }
    ++at_;
    if (negated) set.flip();
    set.reset('/');
    return true;
  }

 private:
  bool element(Set& set) {
    if (pattern_.substr(at_, 2) == "[:") {
      const size_t end = pattern_.find(":]", at_ + 2);
      if (end != std::string_view::npos) {
        const bool known = add_class(set, pattern_.substr(at_ + 2, end - at_ - 2));
        at_ = end + 2;
        return known;
      }
    }
    unsigned char from = 0;
    if (!byte(from)) return false;
    unsigned char to = from;
    if (at_ + 1 < pattern_.size() && pattern_[at_] == '-' && pattern_[at_ + 1] != ']') {
      ++at_;
      if (!byte(to)) return false;
    }
    for (unsigned c = from; c <= to; ++c) set.set(c);
    return true;
  }

  bool byte(unsigned char& out) {
    if (pattern_[at_] == '\\') ++at_;
    if (at_ >= pattern_.size()) return false;
    out = static_cast<unsigned char>(pattern_[at_++]);
    return true;
  }

  std::string_view pattern_;
  size_t& at_;
};

}  // namespace

std::optional<NameGlob> NameGlob::compile(std::string_view pattern) {
  NameGlob glob;
  for (size_t at = 0; at < pattern.size();) {
    const char c = pattern[at++];
    Item item;
    if (c == '*') {
      if (!glob.items_.empty() && glob.items_.back().token == Token::star) continue;
      item.token = Token::star;
    } else if (c == '?') {
      item.token = Token::any;
    } else if (c == '[') {
      Set set;
      if (!SetReader(pattern, at).read(set)) return std::nullopt;
      item.token = Token::set;
      item.set = glob.sets_.size();
      glob.sets_.push_back(set);
    } else {
      if (c == '\\' && at >= pattern.size()) return std::nullopt;
      item.byte = c == '\\' ? pattern[at++] : c;
    }
    glob.items_.push_back(item);
  }
  return glob;
}

bool NameGlob::one(const Item& item, char c) const {
  switch (item.token) {
    case Token::byte:
      return item.byte == c;
    case Token::any:
      return true;
    case Token::set:
      return sets_[item.set].test(static_cast<unsigned char>(c));
    case Token::star:
      break;
  }
  return false;
}

bool NameGlob::matches(std::string_view name) const {
  constexpr size_t kNone = static_cast<size_t>(-1);
  size_t item = 0;
  size_t at = 0;
  size_t star = kNone;
  size_t star_at = 0;
  while (at < name.size()) {
    if (item < items_.size() && items_[item].token == Token::star) {
      star = item++;
      star_at = at;
    } else if (item < items_.size() && one(items_[item], name[at])) {
      ++item;
      ++at;
    } else if (star != kNone) {
      item = star + 1;
      at = ++star_at;
    } else {
      return false;
    }
  }
  while (item < items_.size() && items_[item].token == Token::star) ++item;
  return item == items_.size();
}

std::optional<std::string> NameGlob::literal() const {
  std::string out;
  for (const Item& item : items_) {
    if (item.token != Token::byte) return std::nullopt;
    out += item.byte;
  }
  return out;
}

std::optional<std::string> NameGlob::suffix() const {
  if (items_.size() < 2 || items_[0].token != Token::star) return std::nullopt;
  std::string out;
  for (size_t i = 1; i < items_.size(); ++i) {
    if (items_[i].token != Token::byte) return std::nullopt;
    out += items_[i].byte;
  }
  return out;
}

std::optional<PathGlob> PathGlob::compile(std::string_view pattern) {
  PathGlob glob;
  for (;;) {
    const size_t slash = pattern.find('/');
    const std::string_view part = pattern.substr(0, slash);
    Step step;
    step.any_depth = part == "**";
    if (!step.any_depth) {
      auto name = NameGlob::compile(part);
      if (!name) return std::nullopt;
      step.name = std::move(*name);
    }
    const bool repeated = step.any_depth && !glob.steps_.empty() && glob.steps_.back().any_depth;
    if (!repeated) glob.steps_.push_back(std::move(step));
    if (slash == std::string_view::npos) return glob;
    pattern.remove_prefix(slash + 1);
  }
}

bool PathGlob::matches(std::string_view path) const {
  constexpr size_t kNone = static_cast<size_t>(-1);
  constexpr size_t kEnd = std::string_view::npos;
  const auto name_at = [path](size_t from) { return path.substr(from, path.find('/', from) - from); };
  const auto next = [path](size_t from) {
    const size_t slash = path.find('/', from);
    return slash == kEnd ? kEnd : slash + 1;
  };
  size_t step = 0;
  size_t at = 0;
  size_t deep = kNone;
  size_t deep_at = 0;
  while (at != kEnd) {
    if (step < steps_.size() && steps_[step].any_depth) {
      if (step + 1 == steps_.size()) return true;  // at the end: whatever is left, at least this name
      deep = step++;
      deep_at = at;
    } else if (step < steps_.size() && steps_[step].name.matches(name_at(at))) {
      ++step;
      at = next(at);
    } else if (deep != kNone) {
      step = deep + 1;
      at = deep_at = next(deep_at);
    } else {
      return false;
    }
  }
  return step == steps_.size();
}

}  // namespace twsync
