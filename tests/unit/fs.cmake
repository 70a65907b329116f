add_sync_test(unit_fs unit fs_formats_test.cc LIBS sync_fs)
