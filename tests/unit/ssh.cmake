add_sync_test(connection_test unit connection_test.cc LIBS sync_connection)
