add_sync_test(unit_store unit base_store_test.cc LIBS sync_store)
