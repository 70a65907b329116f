#include "producers/cli/base_facts.h"

#include "common/base/text.h"

namespace twsync {

Result<std::optional<std::unique_ptr<BaseStore>>> open_base(const PairConfig& pair) {
  auto base = BaseStore::open(pair.state_dir + "/base.db", BaseStore::Mode::read_only);
  if (base.ok()) return std::optional(std::move(base).value());
  if (base.error().code == ErrorCode::not_found) return std::optional<std::unique_ptr<BaseStore>>();
  return std::move(base).error();
}

namespace {

bool base_says(const PairConfig& pair, bool (*what)(const BaseMeta&)) {
  const auto base = open_base(pair);
  if (!base || !*base) return !base.ok();
  const auto meta = (**base)->meta();
  return !meta || what(*meta);
}

}  // namespace

bool was_claimed(const PairConfig& pair) {
  return base_says(pair, [](const BaseMeta& meta) { return !meta.pair_id.empty(); });
}

bool was_synced(const PairConfig& pair) {
  return base_says(pair, [](const BaseMeta& meta) { return meta.completed > 0 || meta.last_done_ns > 0; });
}

}  // namespace twsync
