#pragma once
// A story: a world, what its users do and the cycles between, as text, and everything that has to be true of it.
//
// One line ("unit=PATH" after the policy: a directory that goes as a whole): "newer skew=5 | d/ d/f=text | code write
// d/f new; sync; deploy erase d". Statements are those of edit() and: sync (a whole cycle), kill N (a cycle that ends
// after N operations), plan ... apply (edits between scan and apply), to-deploy, to-code (a cycle in one direction). At
// the end it must converge; a fourth part says to what, or "whether killed or not": to what it does without its kills,
// to the last mtime.

#include <optional>
#include <set>
#include <string>

#include "tests/support/tree_literals.h"

namespace twsync::testing {

class Story {
 public:
  explicit Story(const std::string& setting, const std::string& agreed = "");
  /// The whole line.
  static std::string replay(const std::string& line);

  /// Runs `statements`, which are the next ones of the story; edits may be done in the world already ("told").
  void run(const std::string& statements);
  void told(const std::string& statements);
  /// Converges; for a story without what is never touched.
  void end();

  World& world() { return *world_; }
  const std::string& line() const { return line_; }
  const std::string& problems() const { return problems_; }  ///< empty = all is well
  /// The plan as it would be made now, in words.
  std::string plan_text() { return describe(world_->plan()); }

 private:
  void statement(const std::string& text);
  Plan plan();
  void sync(size_t limit);
  void one_way(Direction direction);
  void check_kept(const std::set<std::string>& written, const std::set<std::string>& news, const char* when);
  void problem(const std::string& text);

  std::string line_;
  std::string problems_;
  std::optional<World> world_;
  std::optional<Plan> held_;  ///< between plan and apply
};

}  // namespace twsync::testing
