add_sync_test(connection_test unit connection_test.cc ping_times_test.cc LIBS sync_connection)
add_sync_test(ssh_text_test unit ssh_text_test.cc LIBS sync_ssh)
