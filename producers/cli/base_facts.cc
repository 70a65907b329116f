#include "producers/cli/base_facts.h"

#include "common/base/text.h"

namespace twsync {

Result<std::optional<std::unique_ptr<BaseStore>>> open_base(const PairConfig& pair) {
  auto base = BaseStore::open(pair.state_dir + "/base.db", BaseStore::Mode::read_only);
  if (base.ok()) return std::optional(std::move(base).value());
  if (base.error().code == ErrorCode::not_found) return std::optional<std::unique_ptr<BaseStore>>();
  return std::move(base).error();
}

}  // namespace twsync
