add_sync_test(integration_unclean_stop integration unclean_stop_test.cc LIBS sync_embedded sync_test_fs)
target_compile_definitions(integration_unclean_stop PRIVATE TWSYNC_AGENT="$<TARGET_FILE:twsync-agent>")
add_dependencies(integration_unclean_stop twsync-agent)
