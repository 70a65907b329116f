add_library(sync_test_fs STATIC ${CMAKE_SOURCE_DIR}/tests/support/fs_fixture.cc)
target_link_libraries(sync_test_fs PUBLIC sync_fs GTest::gtest)

add_sync_test(fs_apply_test integration apply_test.cc apply_group_test.cc apply_hostile_test.cc copies_test.cc delta_test.cc late_writer_test.cc resume_test.cc space_test.cc write_behind_test.cc LIBS sync_test_fs)
add_sync_test(fs_side_test integration mapped_writer_test.cc side_test.cc version_store_test.cc LIBS sync_test_fs)

# Not a test: prints what the phases of an apply take.
add_executable(apply_bench ${CMAKE_SOURCE_DIR}/tests/bench/apply_bench.cc)
target_link_libraries(apply_bench PRIVATE sync_fs)
add_sync_test(early_listing_test integration early_listing_test.cc known_ranges_test.cc LIBS sync_test_fs sync_scanner)
