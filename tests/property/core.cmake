find_library(RAPIDCHECK rapidcheck REQUIRED)
add_sync_test(property_core property planner_property_test.cc perturb.cc reference_planner.cc
  reference_metadata.cc reference_renames.cc reference_facts.cc story.cc unit_facts.cc
  ${CMAKE_SOURCE_DIR}/tests/support/tree_literals.cc ${CMAKE_SOURCE_DIR}/tests/support/tree_apply.cc
  LIBS sync_core ${RAPIDCHECK})
target_compile_definitions(property_core PRIVATE TWSYNC_REGRESSIONS="${CMAKE_CURRENT_SOURCE_DIR}/regressions.txt")
add_sync_test(property_damage property damage_property_test.cc perturb.cc
  ${CMAKE_SOURCE_DIR}/tests/support/tree_literals.cc ${CMAKE_SOURCE_DIR}/tests/support/tree_apply.cc
  LIBS sync_core ${RAPIDCHECK})
