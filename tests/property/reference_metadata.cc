// Times and metadata for the reference planner.

#include <cstdlib>

#include "tests/property/reference_trees.h"

namespace twsync::testing {

namespace {

constexpr int64_t kSecondNs = 1'000'000'000;

template <class T>
struct Field {
  T ModelNode::*value;
  T agreed;
  T recorded[2];
  Side prefer;
};

class Merge {
 public:
  Merge(const ReferenceTrees& trees, ModelTree (&end)[2], const std::string& path, const ReferenceContent& content)
      : t_(trees), end_(end), path_(path), content_(content) {}

  void run() {
    const BaseRow b = t_.row(path_) ? *t_.row(path_) : BaseRow{};
    if (!is(Kind::symlink)) {
      field<uint32_t>({&ModelNode::mode, b.agreed.mode, {b.code.mode, b.deploy.mode}, t_.preferred()});
    }
    if (is(Kind::directory)) return;
    if (content_.contested && !first_contact()) {  // R56
      for (const Side s : kSides) end(s).mtime_ns = t_.at(*content_.taken, path_)->mtime_ns;
    } else {
      field<int64_t>({&ModelNode::mtime_ns,
                      b.agreed.mtime_ns,
                      {b.code.stamp.mtime_ns, b.deploy.stamp.mtime_ns},
                      content_.taken.value_or(t_.later_or_preferred(path_))});  // R56
    }
  }

 private:
  bool is(Kind kind) const { return t_.is(Side::code, path_, kind); }
  ModelNode& end(Side s) { return end_[static_cast<size_t>(s)].at(path_); }
  bool first_contact() const {
    return t_.row(path_) == nullptr || t_.row(path_)->agreed.kind != t_.at(Side::code, path_)->kind;
  }

  template <class T>
  void field(const Field<T>& f) {
    const T now[2] = {t_.at(Side::code, path_)->*f.value, t_.at(Side::deploy, path_)->*f.value};
    const auto of = [&now](Side s) { return now[static_cast<size_t>(s)]; };
    const bool moved[2] = {now[0] != f.recorded[0], now[1] != f.recorded[1]};
    T result[2] = {now[0], now[1]};
    if (first_contact()) {  // R54, R57
      const bool directory = is(Kind::directory);
      const Side winner = content_.taken                                             ? *content_.taken
                          : directory && of(Side::code) == (of(Side::deploy) | 0700) ? Side::deploy
                          : directory && of(Side::deploy) == (of(Side::code) | 0700) ? Side::code
                                                                                     : t_.later_or_preferred(path_);
      result[0] = result[1] = of(winner);
    } else if (moved[0] || moved[1]) {  // R51-R53
      result[0] = result[1] = of(moved[0] && moved[1] ? f.prefer : moved[0] ? Side::code : Side::deploy);
    } else if (content_.taken) {  // R50
      result[static_cast<size_t>(other(*content_.taken))] = f.agreed;
    }
    for (const Side s : kSides) end(s).*f.value = result[static_cast<size_t>(s)];
  }

  const ReferenceTrees& t_;
  ModelTree (&end_)[2];
  const std::string& path_;
  const ReferenceContent& content_;
};

}  // namespace

Side ReferenceTrees::later(const std::string& path) const {
  const ModelNode& code = *at(Side::code, path);
  const ModelNode& deploy = *at(Side::deploy, path);
  const bool implausible =
      code.mtime_ns > policy.code_now_ns + 300 * kSecondNs || deploy.mtime_ns > policy.deploy_now_ns + 300 * kSecondNs;
  if (implausible) return Side::code;
  const bool own_clock = std::llabs(deploy.ctime_ns - deploy.mtime_ns) <= 2 * kSecondNs;
  const int64_t skew = own_clock && std::llabs(policy.skew_ns) > 2 * kSecondNs ? policy.skew_ns : 0;
  return deploy.mtime_ns - skew > code.mtime_ns ? Side::deploy : Side::code;
}

Side ReferenceTrees::later_or_preferred(const std::string& path) const {
  const bool by_time = policy.conflicts == ConflictPolicy::newer || policy.conflicts == ConflictPolicy::manual;
  return by_time && !is(Side::code, path, Kind::directory) ? later(path) : preferred();
}

void merge_reference_metadata(const ReferenceTrees& trees, ModelTree (&end)[2], const std::string& path,
                              const ReferenceContent& content) {
  Merge(trees, end, path, content).run();
}

}  // namespace twsync::testing
