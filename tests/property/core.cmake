find_library(RAPIDCHECK rapidcheck REQUIRED)
add_sync_test(property_core property planner_property_test.cc perturb.cc ${CMAKE_SOURCE_DIR}/tests/support/tree_literals.cc
  ${CMAKE_SOURCE_DIR}/tests/support/tree_apply.cc LIBS sync_core ${RAPIDCHECK})
