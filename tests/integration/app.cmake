add_sync_test(integration_watch integration inotify/watch_tree_test.cc LIBS sync_watch)
