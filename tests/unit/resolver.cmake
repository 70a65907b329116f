add_sync_test(unit_resolver unit resolver_identity_test.cc resolver_batches_test.cc resolver_decision_test.cc resolver_held_test.cc resolver_parked_test.cc resolver_record_test.cc resolver_twins_test.cc resolver_unclean_test.cc scanner_join_test.cc
              LIBS sync_resolver sync_scanner)
