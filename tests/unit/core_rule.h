#pragma once
// A row of a table of rules: base, edits, policy, and the plan that must come of it.

#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "common/model/policy.h"

namespace twsync::testing {

struct Rule {
  const char* name;
  const char* base;
  const char* edits;
  const char* plan;
  ConflictPolicy policy = ConflictPolicy::newer;
};

inline void PrintTo(const Rule& rule, std::ostream* out) {
  *out << rule.name;
}

inline constexpr auto kCode = ConflictPolicy::code_server;
inline constexpr auto kDeploy = ConflictPolicy::deploy_server;
inline constexpr auto kManual = ConflictPolicy::manual;

inline std::string name_of(const ::testing::TestParamInfo<Rule>& info) {
  return info.param.name;
}

}  // namespace twsync::testing
