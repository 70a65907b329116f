add_sync_test(unit_app unit app/config_test.cc app/settings_test.cc app/shell_assignments_test.cc app/target_test.cc app/notify_test.cc
  app/log_test.cc LIBS sync_app)
