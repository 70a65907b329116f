#pragma once
// What a person may do about a parked item.

#include <string>

#include "common/app/pair_config.h"
#include "common/base/result.h"
#include "common/store/base_store.h"

namespace twsync {

/// "twsync approve ID --pair PAIR", and where it can be refused also that; as they are to be typed.
std::string parked_commands(const PairConfig& pair, const ParkedRecord& record);

/// usage when `verb` (resolve, approve, reject) does nothing for such an item, with what does.
Status check_verb(const std::string& verb, const PairConfig& pair, const ParkedRecord& record);

}  // namespace twsync
