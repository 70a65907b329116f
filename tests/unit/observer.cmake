add_sync_test(unit_observer unit observer_test.cc LIBS sync_observer)
