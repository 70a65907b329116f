add_sync_test(unit_places unit places_test.cc LIBS sync_places)
target_include_directories(unit_places PRIVATE ${CMAKE_CURRENT_LIST_DIR}/app)
