#include "tests/property/perturb.h"

#include "common/base/text.h"

namespace twsync::testing {

namespace {

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
    switch (edit_[0] % 16) {
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
      default:
        return replace_kind();
    }
  }

  void grow() {
    switch (edit_[0] % 5) {
      case 0:
      case 1:
        make_directory();
        break;
      case 2:
        symlink();
        break;
      default:
        create();
        break;
    }
  }

 private:
  bool is(const std::string& path, Kind kind) {
    const auto it = world_.tree(side_).find(path);
    return it != world_.tree(side_).end() && it->second.kind == kind;
  }
  bool exists(const std::string& path) { return world_.tree(side_).contains(path); }

  std::string create() {
    const auto path = pick_place(world_, side_, edit_[1]);
    if (is(path, Kind::directory)) return "";
    world_.replace(side_, path, pick_content(edit_[2]));
    return str("replace ", path, " ", pick_content(edit_[2]));
  }
  std::string write() {
    const auto path = pick_path(world_, side_, edit_[1]);
    if (!is(path, Kind::file)) return create();
    world_.write(side_, path, pick_content(edit_[2]));
    return str("write ", path, " ", pick_content(edit_[2]));
  }
  std::string rename() {
    const auto from = pick_path(world_, side_, edit_[1]);
    const auto to = pick_place(world_, side_, edit_[2]);
    if (from.empty() || exists(to) || is_at_or_below(to, from)) return "";
    world_.rename(side_, from, to);
    return str("rename ", from, " ", to);
  }
  std::string rename_over() {
    const auto from = pick_path(world_, side_, edit_[1]);
    const auto to = pick_path(world_, side_, edit_[2]);
    if (from == to || !is(from, Kind::file) || !is(to, Kind::file)) return rename();
    world_.rename(side_, from, to);
    return str("rename ", from, " over ", to);
  }
  std::string erase() {
    const auto path = pick_path(world_, side_, edit_[1]);
    world_.erase(side_, path);
    return str("erase ", path);
  }
  std::string make_directory() {
    const auto path = pick_place(world_, side_, edit_[1]);
    if (exists(path)) return "";
    world_.make_directory(side_, path);
    return str("mkdir ", path);
  }
  std::string chmod() {
    const auto path = pick_path(world_, side_, edit_[1]);
    if (path.empty() || is(path, Kind::symlink)) return "";
    static constexpr uint32_t kModes[] = {0600, 0640, 0755};
    world_.chmod(side_, path, kModes[edit_[2] % 3]);
    return str("chmod ", path, " ", edit_[2] % 3);
  }
  std::string touch() {
    const auto path = pick_path(world_, side_, edit_[1]);
    if (path.empty()) return "";
    world_.touch(side_, path, (60 + edit_[2] % 3) * 1'000'000'000LL);
    return str("touch ", path, " ", edit_[2] % 3);
  }
  std::string symlink() {
    const auto path = pick_place(world_, side_, edit_[1]);
    if (is(path, Kind::directory) && edit_[3] % 2 == 0) return "";
    world_.symlink(side_, path, str("target", edit_[2] % 2));
    return str("symlink ", path, " ", edit_[2] % 2);
  }
  std::string replace_kind() {
    const auto path = pick_path(world_, side_, edit_[1]);
    if (path.empty()) return "";
    const bool was_directory = is(path, Kind::directory);
    world_.erase(side_, path);
    if (was_directory) {
      world_.replace(side_, path, pick_content(edit_[2]));
      return str("file-for-directory ", path);
    }
    world_.make_directory(side_, path);
    world_.replace(side_, path + "/a", pick_content(edit_[2]));
    return str("directory-for-file ", path);
  }

  World& world_;
  Side side_;
  const Edit& edit_;
};

}  // namespace

void grow(World& world, const Edit& edit) {
  Editor(world, Side::code, edit).grow();
}

std::string perturb(World& world, Side side, const Edit& edit) {
  return Editor(world, side, edit).run();
}

std::string place_socket(World& world, Side side, uint8_t where) {
  const auto path = pick_place(world, side, where);
  const auto it = world.tree(side).find(path);
  if (it != world.tree(side).end() && it->second.kind == Kind::directory) return "";
  world.socket(side, path);
  return str(to_string(side), " socket ", path, "\n");
}

}  // namespace twsync::testing
