#include <gtest/gtest.h>
#include "tests/support/tree_literals.h"
using namespace twsync; using namespace twsync::testing;
TEST(Core, Smoke) {
  World w("d/ d/f=1 d/g=2 k=3");
  w.rename(Side::code, "d", "e");
  w.write(Side::deploy, "d/f", "new");
  w.write(Side::deploy, "d/n", "nn");
  std::puts(w.plan_text().c_str());
  EXPECT_EQ(w.converge(), "");
  std::puts(w.text(Side::code).c_str());
}
