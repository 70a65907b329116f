#pragma once
// What a stream that breaks common/wire/PROTOCOL_CONTENT.md ends with.

#include "common/base/result.h"

namespace twsync {

inline Error violation(const char* text) {
  return Error{ErrorCode::peer_violation, text, {}, 0};
}

}  // namespace twsync
