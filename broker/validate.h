#pragma once
// What the broker accepts from outside before anything is journaled. Pure.

#include "common/base/result.h"
#include "common/wire/messages.h"

namespace twsync {

constexpr size_t kMaxPublishBytes = 4U << 20U;
constexpr size_t kMaxRequestBytes = 1U << 20U;
constexpr size_t kMaxIdBytes = 128;

/// ok, or usage with what is wrong. The pair's existence is not looked at.
Status validate_hint(const Hint& hint);
Status validate_request(const Request& request);

}  // namespace twsync
