add_library(sync_test_sshd STATIC ${CMAKE_SOURCE_DIR}/tests/support/sshd_fixture.cc)
target_link_libraries(sync_test_sshd PUBLIC sync_ssh)
target_compile_definitions(sync_test_sshd PRIVATE SYNC_TEST_SUPPORT_DIR="${CMAKE_SOURCE_DIR}/tests/support")

add_executable(echo_agent ${CMAKE_SOURCE_DIR}/tests/support/echo_agent.cc)
target_link_libraries(echo_agent PRIVATE sync_connection)
set_target_properties(echo_agent PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)

add_sync_test(ssh_test integration ssh_test.cc ssh_bulk_test.cc ssh_keys_test.cc LIBS sync_test_sshd)
target_compile_definitions(ssh_test PRIVATE SYNC_ECHO_AGENT="$<TARGET_FILE:echo_agent>")
add_dependencies(ssh_test echo_agent)
