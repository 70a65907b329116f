add_sync_test(unit_resolver unit resolver_identity_test.cc resolver_batches_test.cc resolver_decision_test.cc resolver_first_contact_test.cc resolver_held_test.cc resolver_parked_test.cc resolver_record_test.cc resolver_twins_test.cc resolver_unclean_test.cc scanner_join_test.cc
              ${CMAKE_SOURCE_DIR}/tests/support/tree_literals.cc ${CMAKE_SOURCE_DIR}/tests/support/tree_apply.cc
              LIBS sync_resolver sync_scanner)
