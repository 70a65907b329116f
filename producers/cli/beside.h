#pragma once
// `resolve --take both`: the deploy server's version comes back under a name of its own beside the code server's.

#include <string>

#include "producers/cli/context.h"

namespace twsync {

/// The n-th name (from 1) for the other version of `path`: no part longer than a file system takes.
std::string name_beside(const std::string& path, unsigned n);

/// A name that is free on both servers; empty when nothing stands at `path` on the deploy server, so that nothing is to
/// be kept. An error: it could not be kept, so nothing may be decided.
Result<std::string> free_name_beside(const CliContext& context, const PairConfig& pair, const std::string& path);

/// Brings what the conflict at `path` displaced on the deploy server, as `loser` says, back as `beside`: the file, or
/// the whole tree. Nothing that stands there is replaced.
Status bring_back(const CliContext& context, const PairConfig& pair, const std::string& path, const std::string& loser,
                  const std::string& beside);

}  // namespace twsync
