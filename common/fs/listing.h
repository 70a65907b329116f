#pragma once
// One ListRequest against one root.

#include "common/fs/side_root.h"
#include "common/fs/tree_walker.h"

namespace twsync {

/// Streams what stands in the request's scopes to `sink` in pieces of about 1000 entries; `end` collects what was
/// ignored and what could not be read. Returns the sink's error, or usage for a bad scope.
Status list_scopes(const RootDir& root, const EntryReader& reader, const ListRequest& request,
                   const SideReader::EntrySink& sink, ListEnd& end);

}  // namespace twsync
