add_sync_test(unit_core unit core_rules_test.cc core_planner_test.cc core_base_test.cc core_guard_test.cc core_ignore_test.cc core_units_test.cc
   ${CMAKE_SOURCE_DIR}/tests/support/tree_literals.cc
  ${CMAKE_SOURCE_DIR}/tests/support/tree_apply.cc LIBS sync_core)
