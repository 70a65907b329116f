add_sync_test(unit_store unit base_store_test.cc base_written_test.cc LIBS sync_store)
target_compile_definitions(unit_store PRIVATE TWSYNC_GOLDEN="${CMAKE_SOURCE_DIR}/tests/golden")
