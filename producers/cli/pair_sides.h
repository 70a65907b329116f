#pragma once
// Both roots of a pair under its lock, for commands that work on what is kept below them.

#include <memory>
#include <string>

#include "common/base/clock.h"
#include "common/fs/host_facts.h"
#include "common/fs/local_side.h"
#include "common/store/base_store.h"
#include "producers/cli/context.h"
#include "workers/agent/remote_side.h"

namespace twsync {

/// What the base knows of a pair. not_found-like usage error when it was never synced here.
Result<BaseMeta> pair_facts(const PairConfig& pair);

/// The options of the code root.
RootOptions code_root_options(const PairConfig& pair, const BaseMeta& meta);

/// The two sides without the lock, for looking into the version store and for a restore (an edit like any other).
Result<std::unique_ptr<LocalSide>> open_code_side(const PairConfig& pair, const BaseMeta& meta, Clock& clock,
                                                  HostFacts& host);
Result<std::unique_ptr<RemoteSide>> open_deploy_side(const CliContext& context, const PairConfig& pair,
                                                     const BaseMeta& meta);

/// The code root, locked. busy with the holder's name while a service or another run works on the pair.
Result<std::unique_ptr<LocalSide>> claim_code_side(const PairConfig& pair, const BaseMeta& meta, Clock& clock,
                                                   HostFacts& host);

/// The deploy root through an agent, locked likewise.
Result<std::unique_ptr<RemoteSide>> claim_deploy_side(const CliContext& context, const PairConfig& pair,
                                                      const BaseMeta& meta);

}  // namespace twsync
