add_sync_test(unit_broker unit job_queue_test.cc outbox_test.cc queue_store_test.cc task_router_test.cc beats_test.cc broker_beats_test.cc LIBS sync_broker)
