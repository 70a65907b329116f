add_sync_test(property_histories property histories/histories_test.cc histories/history.cc histories/person.cc
  histories/session.cc histories/steps.cc LIBS sync_embedded sync_core)
target_compile_definitions(property_histories PRIVATE TWSYNC_AGENT="$<TARGET_FILE:twsync-agent>"
  TWSYNC_HISTORIES="${CMAKE_CURRENT_SOURCE_DIR}/histories/histories.txt")
add_dependencies(property_histories twsync-agent)
