#include "tests/property/perturb.h"

#include <algorithm>
#include <iterator>

#include "common/base/text.h"

namespace twsync::testing {

namespace {

constexpr uint8_t kVerbs = 19;
constexpr uint8_t kRenames[] = {2, 3, 4, 5, 6, 15};
constexpr const char* kModes[] = {"600", "640", "755"};
constexpr int kSeconds[] = {60, 61, 62, 2000};  // the last one is implausible: later than the model's now

std::string pick_path(World& world, Side side, uint8_t n) {
  const ModelTree& tree = world.tree(side);
  if (tree.empty()) return {};
  return std::next(tree.begin(), static_cast<std::ptrdiff_t>(n % tree.size()))->first;
}

/// A name in some directory; often new.
std::string pick_place(World& world, Side side, uint8_t n) {
  std::vector<std::string> directories{""};
  for (const auto& [path, node] : world.tree(side)) {
    if (node.kind == Kind::directory) directories.push_back(path);
  }
  static constexpr const char* kNames[] = {"a", "b", "c", "d"};
  return join_path(directories[(n / 4) % directories.size()], kNames[n % 4]);
}

std::string pick_content(uint8_t n) {
  return str(n % 3 == 0 ? "x" : "long", n % 7);
}

class Editor {
 public:
  Editor(World& world, Side side, const Edit& edit) : world_(world), side_(side), edit_(edit) {}

  std::string run() {
    const std::string statements = choose();
    edit(world_, statements);
    return statements;
  }
  void grow() {
    const uint8_t what = edit_[0] % 5;
    edit(world_, what < 2 ? make_directory() : what == 2 ? symlink() : create());
  }

 private:
  std::string choose() {
    switch (edit_[0] % kVerbs) {
      case 0:
      case 1:
        return write();
      case 2:
        return rename_over();
      case 3:
      case 4:
      case 5:
      case 6:
        return rename();
      case 7:
      case 8:
        return erase();
      case 9:
        return make_directory();
      case 10:
        return chmod();
      case 11:
        return touch();
      case 12:
        return symlink();
      case 13:
      case 14:
        return create();
      case 15:
        return swap();
      case 16:
        return write_dated();
      case 17:
        return retarget();
      default:
        return replace_kind();
    }
  }

  bool is(const std::string& path, Kind kind) {
    const auto it = world_.tree(side_).find(path);
    return it != world_.tree(side_).end() && it->second.kind == kind;
  }
  bool exists(const std::string& path) { return world_.tree(side_).contains(path); }
  template <class... Words>
  std::string say(const Words&... words) {
    std::string out = to_string(side_);
    ((out += str(" ", words)), ...);
    return out + "; ";
  }

  std::string create() {
    const auto path = pick_place(world_, side_, edit_[1]);
    return is(path, Kind::directory) ? "" : say("replace", path, pick_content(edit_[2]));
  }
  std::string write() {
    const auto path = pick_path(world_, side_, edit_[1]);
    return is(path, Kind::file) ? say("write", path, pick_content(edit_[2])) : create();
  }
  std::string write_dated() {
    const auto path = pick_path(world_, side_, edit_[1]);
    if (!is(path, Kind::file)) return "";
    return say("write", path, pick_content(edit_[2])) + say("touch", path, kSeconds[edit_[3] % 4]);
  }
  std::string rename() {
    const auto from = pick_path(world_, side_, edit_[1]);
    const auto to = pick_place(world_, side_, edit_[2]);
    return from.empty() || exists(to) || is_at_or_below(to, from) ? "" : say("rename", from, to);
  }
  std::string rename_over() {
    const auto from = pick_path(world_, side_, edit_[1]);
    const auto to = pick_path(world_, side_, edit_[2]);
    if (from == to || !is(from, Kind::file) || !is(to, Kind::file)) return rename();
    return say("rename", from, to);
  }
  std::string swap() {
    const auto one = pick_path(world_, side_, edit_[1]);
    const auto two = pick_path(world_, side_, edit_[2]);
    if (one.empty() || is_at_or_below(one, two) || is_at_or_below(two, one)) return "";
    return say("rename", one, "swap") + say("rename", two, one) + say("rename", "swap", two);
  }
  std::string erase() {
    const auto path = pick_path(world_, side_, edit_[1]);
    return path.empty() ? "" : say("erase", path);
  }
  std::string make_directory() {
    const auto path = pick_place(world_, side_, edit_[1]);
    return exists(path) ? "" : say("mkdir", path);
  }
  std::string chmod() {
    const auto path = pick_path(world_, side_, edit_[1]);
    return path.empty() || is(path, Kind::symlink) ? "" : say("chmod", path, kModes[edit_[2] % 3]);
  }
  std::string touch() {
    const auto path = pick_path(world_, side_, edit_[1]);
    return path.empty() ? "" : say("touch", path, kSeconds[edit_[2] % 4]);
  }
  std::string symlink() {
    const auto path = pick_place(world_, side_, edit_[1]);
    if (is(path, Kind::directory) && edit_[3] % 2 == 0) return "";
    return say("symlink", path, str("target", edit_[2] % 2));
  }
  std::string retarget() {
    const auto path = pick_path(world_, side_, edit_[1]);
    return is(path, Kind::symlink) ? say("symlink", path, str("target", edit_[2] % 3)) : "";
  }
  std::string replace_kind() {
    const auto path = pick_path(world_, side_, edit_[1]);
    if (path.empty()) return "";
    const auto content = pick_content(edit_[2]);
    if (is(path, Kind::directory)) return say("replace", path, content);
    return say("erase", path) + say("mkdir", path) + say("replace", path + "/a", content);
  }

  World& world_;
  Side side_;
  const Edit& edit_;
};

}  // namespace

void grow(World& world, const Edit& edit) {
  Editor(world, Side::code, edit).grow();
}

Edit without_renames(Edit edit) {
  const uint8_t verb = edit[0] % kVerbs;
  if (std::find(std::begin(kRenames), std::end(kRenames), verb) != std::end(kRenames)) edit[0] = 16 + verb % 3;
  return edit;
}

std::string perturb(World& world, Side side, const Edit& edit) {
  return Editor(world, side, edit).run();
}

std::string place_link(World& world, Side side, const Edit& how) {
  const auto from = pick_path(world, side, how[1]);
  const auto path = how[3] % 2 == 0 ? pick_place(world, side, how[2]) : pick_path(world, side, how[2]);
  const ModelTree& tree = world.tree(side);
  if (from == path || from.empty() || tree.at(from).kind != Kind::file) return "";
  if (const auto it = tree.find(path); it != tree.end() && it->second.kind == Kind::directory) return "";
  const std::string statement = str(to_string(side), " link ", from, " ", path, "; ");
  edit(world, statement);
  return statement;
}

std::string place_socket(World& world, Side side, uint8_t where) {
  const auto path = pick_place(world, side, where);
  if (const auto it = world.tree(side).find(path); it != world.tree(side).end() && it->second.kind == Kind::directory)
    return "";
  const std::string statement = str(to_string(side), " socket ", path, "; ");
  edit(world, statement);
  return statement;
}

}  // namespace twsync::testing
