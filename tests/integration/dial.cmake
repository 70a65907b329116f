add_sync_test(dial_test integration dial_test.cc LIBS sync_dial sync_test_sshd sync_app)
