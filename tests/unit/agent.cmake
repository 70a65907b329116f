add_sync_test(unit_agent unit agent_frames_test.cc agent_listing_test.cc agent_root_test.cc token_bucket_test.cc
              LIBS sync_agent sync_agent_client)
