add_sync_test(unit_fs unit fs_chunks_test.cc fs_formats_test.cc fs_partial_test.cc listed_ranges_test.cc LIBS sync_fs)
