#include "producers/cli/pair_sides.h"

#include <unistd.h>

#include "common/base/text.h"
#include "producers/cli/base_facts.h"
#include "workers/connector.h"

namespace twsync {

namespace {

Claim make_claim(const BaseMeta& meta, Side role) {
  Claim claim;
  // The epoch of the base as it is: this is no new controller, and whoever holds the lock is newer or equal.
  claim.marker = {meta.pair_id, role, meta.epoch};
  claim.holder = str("twsync command, pid ", static_cast<int64_t>(::getpid()));
  claim.hash_key = meta.hash_key;
  return claim;
}

}  // namespace

Result<BaseMeta> pair_facts(const PairConfig& pair) {
  SYNC_ASSIGN(auto base, open_base(pair));
  if (!base)
    return Error{ErrorCode::usage, str("the pair ", pair.name, " was never synced here: nothing is kept of it"), {}, 0};
  SYNC_ASSIGN(auto meta, (*base)->meta());
  if (meta.pair_id.empty())
    return Error{ErrorCode::usage, str("the pair ", pair.name, " was never synced here: nothing is kept of it"), {}, 0};
  return meta;
}

RootOptions code_root_options(const PairConfig& pair, const BaseMeta& meta) {
  RootOptions options;
  options.root = pair.code_path;
  options.pair_id = meta.pair_id;
  options.side = Side::code;
  options.hash_key = meta.hash_key;
  options.preserve_xattrs = pair.preserve_xattrs;
  options.preserve_setuid = pair.preserve_setuid;
  return options;
}

Result<std::unique_ptr<LocalSide>> open_code_side(const PairConfig& pair, const BaseMeta& meta, Clock& clock,
                                                  HostFacts& host) {
  return LocalSide::open(code_root_options(pair, meta), clock, host);
}

Result<std::unique_ptr<RemoteSide>> open_deploy_side(const CliContext& context, const PairConfig& pair,
                                                     const BaseMeta& meta) {
  Hello request;
  request.pair_id = meta.pair_id;
  request.hash_key = meta.hash_key;
  request.preserve_setuid = pair.preserve_setuid;
  return connect_deploy_side({context.agent_path, {}}, pair, request);
}

Result<std::unique_ptr<LocalSide>> claim_code_side(const PairConfig& pair, const BaseMeta& meta, Clock& clock,
                                                   HostFacts& host) {
  SYNC_ASSIGN(auto side, open_code_side(pair, meta, clock, host));
  SYNC_TRY(side->claim(make_claim(meta, Side::code)));
  return side;
}

Result<std::unique_ptr<RemoteSide>> claim_deploy_side(const CliContext& context, const PairConfig& pair,
                                                      const BaseMeta& meta) {
  SYNC_ASSIGN(auto side, open_deploy_side(context, pair, meta));
  SYNC_TRY(side->claim(make_claim(meta, Side::deploy)));
  return side;
}

}  // namespace twsync
