#pragma once
// Judges what a peer lists before anybody uses it (I12): a lying peer yields peer_violation, never a strange tree.
// Pure.

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/wire/agent_messages.h"

namespace twsync {

/// True for a path that may be asked of or told by a peer: valid, and neither ".twsync" itself nor below it.
bool is_peer_path(std::string_view path);
/// As a version store names what it keeps: lower-case hex digits and '-'.
bool is_version_id(std::string_view id);

/// What a peer says for people, fit for a terminal and a log.
void make_printable(std::string& words);

/// peer_violation unless the fields fit the kind (a kind we know and that exists, sane mode, target and size).
Status check_peer_entry(const PathEntry& entry);

/// Follows one listing: every entry in strict order, valid and inside the scopes that were asked for.
/// `scopes` must be ordered and disjoint and outlive this.
class ListingCheck {
 public:
  explicit ListingCheck(const std::vector<Scope>& scopes) : scopes_(scopes) {}
  Status entries(const std::vector<PathEntry>& entries);
  /// Unreadable and ignored paths: valid, and at, below or above a scope. Order does not matter.
  Status notes(const ListEnd& notes) const;

 private:
  Status entry(const PathEntry& entry);
  bool related(std::string_view path) const;

  const std::vector<Scope>& scopes_;
  size_t scope_ = 0;  // the first scope that may still cover what comes
  bool any_ = false;
  std::string last_;
};

/// peer_violation unless each is the number of a range that the request knows.
Status check_known(const ListRequest& request, const std::vector<uint32_t>& known);

/// peer_violation unless the reply has the asked paths, each at most once, in the order of asking, as files that were
/// read or as nothing; failures name asked paths.
Status check_digest_reply(const std::vector<std::string>& asked, const DigestReply& reply);

/// usage unless the scopes are peer paths (the root allowed), ordered and disjoint.
Status check_scopes(const std::vector<Scope>& scopes);

}  // namespace twsync
