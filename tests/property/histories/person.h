#pragma once
// People at work in a real root, and the ledger of what they wrote and have not superseded themselves.

#include <set>
#include <string>
#include <vector>

#include "common/model/hint.h"
#include "tests/property/histories/steps.h"

namespace twsync::testing {

/// Every content that somebody writes is unlike all others, unless the same is written on purpose.
class Ledger {
 public:
  std::string fresh(unsigned kind);
  void wrote(Side side, const std::string& content);
  /// A person overwrote or deleted `content` on `side`. What they wrote there themselves needs not be kept any more.
  void superseded(Side side, const std::string& content);
  /// From here on retention may end for versions that somebody superseded on the other side.
  void time_passes() { time_passed_ = true; }

  const std::set<std::string>& must(Side side) const { return must_[static_cast<size_t>(side)]; }
  const std::vector<std::string>& past() const { return past_; }

 private:
  std::set<std::string> must_[2];
  std::vector<std::string> past_;
  size_t next_ = 0;
  bool time_passed_ = false;
};

class Person {
 public:
  Person(std::string root, Side side, Ledger& ledger) : root_(std::move(root)), side_(side), ledger_(ledger) {}

  /// Does what `verb` says (steps.h, without the side). `content`: what to write; empty = something new.
  void act(const std::string& verb, const Step& step, const std::string& content = {});
  /// Where somebody should look since the last call.
  std::vector<Hint> take_hints();

 private:
  struct Found {
    std::string path;
    char kind;  ///< 'd', 'f', 'l'
  };
  std::vector<Found> look() const;
  std::string any(unsigned n) const;  ///< something that is there, or ""
  std::string any_file(unsigned n) const;
  std::string place(unsigned n) const;  ///< a name in some directory; often new
  std::string at(const std::string& path) const { return root_ + "/" + path; }
  void hint(const std::string& path, const std::string& moved_from = {});
  void lose(const std::string& path);  ///< what stands at and below it is superseded
  void write_in_place(const std::string& path, const std::string& content);
  void replace(const std::string& path, const std::string& content, unsigned when);
  void append(const std::string& path, unsigned n);
  void remove(const std::string& path);
  void rename(const std::string& from, const std::string& to);
  void swap(const std::string& one, const std::string& two);
  void link(const std::string& path, unsigned n);
  void change_kind(const std::string& path, const std::string& content);

  const std::string root_;
  const Side side_;
  Ledger& ledger_;
  std::vector<Hint> hints_;
};

/// A file's bytes or a symlink's target; empty when there is neither.
std::string content_at(const std::string& path);

}  // namespace twsync::testing
