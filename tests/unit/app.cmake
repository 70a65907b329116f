add_sync_test(unit_app unit app/config_test.cc app/settings_test.cc app/shell_assignments_test.cc app/target_test.cc app/notify_test.cc
  app/log_test.cc LIBS sync_app)
add_sync_test(unit_cli unit cli/command_line_test.cc cli/full_screen_test.cc cli/printer_test.cc cli/json_members_test.cc cli/json_object_test.cc cli/pair_memory_test.cc
  cli/path_argument_test.cc cli/forced_words_test.cc cli/restore_choice_test.cc LIBS sync_cli)
add_sync_test(unit_watch unit inotify/hint_batch_test.cc inotify/watch_table_test.cc inotify/monitor_test.cc LIBS sync_monitor)
target_compile_definitions(unit_app PRIVATE TWSYNC_DEFAULT_CONFIG="${CMAKE_SOURCE_DIR}/common/app/sync_config.sh")
