add_sync_test(agent_control_test integration agent_control_test.cc agent_hostile_test.cc LIBS sync_agent_client sync_fs)
target_compile_definitions(agent_control_test PRIVATE TWSYNC_AGENT="$<TARGET_FILE:twsync-agent>")
add_dependencies(agent_control_test twsync-agent)
add_test(NAME agent_is_self_contained
         COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/agent_self_contained.sh $<TARGET_FILE:twsync-agent> "${SYNC_SANITIZE}")
set_tests_properties(agent_is_self_contained PROPERTIES LABELS integration)
add_sync_test(transfer_session_test integration transfer_session_test.cc transfer_resume_test.cc LIBS sync_transfer sync_fs)
target_compile_definitions(transfer_session_test PRIVATE TWSYNC_AGENT="$<TARGET_FILE:twsync-agent>")
add_dependencies(transfer_session_test twsync-agent)
