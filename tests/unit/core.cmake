add_sync_test(unit_core unit core_smoke_test.cc ${CMAKE_SOURCE_DIR}/tests/support/tree_literals.cc
  ${CMAKE_SOURCE_DIR}/tests/support/tree_apply.cc LIBS sync_core)
