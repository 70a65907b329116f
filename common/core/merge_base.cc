// What the base records (DESIGN.md section 5): each field becomes what both sides hold, if equal, else it stays.

#include <algorithm>

#include "common/core/planner.h"

namespace twsync {

namespace {

class BaseMerger {
 public:
  BaseMerger(const BaseRow* old, std::string_view path, const Entry& code, const Entry& deploy, const Policy& policy,
             const AppliedEntry* applied)
      : old_(old), entries_{&code, &deploy}, policy_(policy), applied_(applied), path_(path) {}

  std::optional<BaseRow> run();

 private:
  Digest content_of(Side side) const;
  bool agree_on_content() const;
  std::optional<BaseRow> stays() const;
  bool merge_fields();
  const Entry& at(Side s) const { return *entries_[static_cast<size_t>(s)]; }

  template <class Same, class Copy>
  void field(Same same, Copy copy_agreed, void (*copy_record)(SideRecord&, const Entry&));

  const BaseRow* old_;
  const Entry* entries_[2];
  const Policy& policy_;
  const AppliedEntry* applied_;
  std::string_view path_;
  BaseRow row_;
  bool open_ = false;  ///< a field differs, nobody tried to carry it, and no old row has a value to keep
};

/// A file's digest if it is known or follows from an unchanged fingerprint.
Digest BaseMerger::content_of(Side side) const {
  const Entry& e = at(side);
  if (e.digest.known()) return e.digest;
  if (old_ != nullptr && old_->agreed.is_file() && e.stamp == old_->side(side).stamp) return old_->agreed.digest;
  return {};
}

bool BaseMerger::agree_on_content() const {
  const Entry& a = at(Side::code);
  const Entry& b = at(Side::deploy);
  if (a.kind != b.kind || a.kind == Kind::other) return false;
  if (a.is_symlink()) return a.target == b.target;
  if (!a.is_file()) return true;
  const Digest digest = content_of(Side::code);
  return a.size == b.size && digest.known() && digest == content_of(Side::deploy);
}

std::optional<BaseRow> BaseMerger::stays() const {
  if (old_ == nullptr) return std::nullopt;
  BaseRow row = *old_;
  row.path = path_;
  return row;
}

void record_stamp(SideRecord& record, const Entry& e) {
  record.stamp = e.stamp;
  record.links = e.links;
}
void record_mode(SideRecord& record, const Entry& e) {
  record.mode = e.mode;
}
void record_owner(SideRecord& record, const Entry& e) {
  record.owner = e.owner;
  record.group = e.group;
}
void record_xattrs(SideRecord& record, const Entry& e) {
  record.xattrs = e.xattrs;
}

template <class Same, class Copy>
void BaseMerger::field(Same same, Copy copy_agreed, void (*copy_record)(SideRecord&, const Entry&)) {
  const bool equal = same(at(Side::code), at(Side::deploy));
  const bool stuck = !equal && applied_ != nullptr && !same(at(applied_->side), applied_->desired);
  const bool fresh = old_ == nullptr || old_->agreed.kind != row_.agreed.kind;
  if (equal || (stuck && fresh)) copy_agreed(row_.agreed, at(Side::code));
  if (!equal && !stuck && fresh) open_ = true;
  for (const Side s : {Side::code, Side::deploy}) {
    const bool no_news = !fresh && (same(at(s), row_.agreed) || same(at(s), held_entry(*old_, s)));
    if (equal || stuck || no_news) copy_record(row_.side(s), at(s));
  }
}

bool BaseMerger::merge_fields() {
  const Kind kind = row_.agreed.kind;
  if (kind != Kind::directory) {
    field([](const Entry& a, const Entry& b) { return a.mtime_ns == b.mtime_ns; },
          [](Entry& to, const Entry& from) { to.mtime_ns = from.mtime_ns; }, record_stamp);
  } else {
    for (const Side s : {Side::code, Side::deploy}) record_stamp(row_.side(s), at(s));
    row_.agreed.mtime_ns = at(Side::code).mtime_ns;
  }
  const auto mode = [kind](const Entry& a, const Entry& b) { return kind == Kind::symlink || a.mode == b.mode; };
  field(
      mode, [](Entry& to, const Entry& from) { to.mode = from.mode; }, record_mode);
  const bool owners = policy_.preserve_owner;
  field([owners](const Entry& a, const Entry& b) { return !owners || (a.owner == b.owner && a.group == b.group); },
        [](Entry& to, const Entry& from) {
          to.owner = from.owner;
          to.group = from.group;
          to.uid = from.uid;
          to.gid = from.gid;
        },
        record_owner);
  const bool xattrs = policy_.preserve_xattrs;
  field([xattrs](const Entry& a, const Entry& b) { return !xattrs || a.xattrs == b.xattrs; },
        [](Entry& to, const Entry& from) { to.xattrs = from.xattrs; }, record_xattrs);
  return !open_;
}

std::optional<BaseRow> BaseMerger::run() {
  const Entry& code = at(Side::code);
  const Entry& deploy = at(Side::deploy);
  if (!code.exists() && !deploy.exists()) return std::nullopt;
  if (!agree_on_content()) return stays();
  const bool fresh = old_ == nullptr || old_->agreed.kind != code.kind;
  if (!fresh) row_ = *old_;
  row_.path = path_;
  row_.agreed.kind = code.kind;
  row_.agreed.size = code.size;
  row_.agreed.target = code.target;
  row_.agreed.links = code.links;
  row_.agreed.stamp = {};
  row_.agreed.digest = code.is_file() ? content_of(Side::code) : Digest{};
  if (!merge_fields()) return stays();
  return row_;
}

}  // namespace

std::optional<BaseRow> merge_base(const BaseRow* old, std::string_view path, const Entry& code, const Entry& deploy,
                                  const Policy& policy, const AppliedEntry* applied) {
  return BaseMerger(old, path, code, deploy, policy, applied).run();
}

}  // namespace twsync
