add_sync_test(unit_sqlite_db unit sqlite_db_test.cc LIBS sync_store)
