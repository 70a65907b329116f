# What an installation has besides its programs. Last of all, since it writes the list of what was installed before.
set(units
  producers/inotify/sutazai-sync-monitor.service
  broker/twsync-broker.service
  workers/twsync-worker@.service)
foreach(unit ${units})
  get_filename_component(name ${unit} NAME)
  configure_file(${CMAKE_SOURCE_DIR}/${unit}.in ${CMAKE_CURRENT_BINARY_DIR}/units/${name} @ONLY)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/units/${name} DESTINATION share/twsync/systemd)
endforeach()
install(PROGRAMS cli/two_way_sync.sh cli/ssh_key_exchange.sh DESTINATION scripts)
install(FILES ${CMAKE_SOURCE_DIR}/common/app/sync_config.sh DESTINATION share/twsync)
install(DIRECTORY DESTINATION scripts/config/pairs.d)
install(DIRECTORY DESTINATION logs/sync DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE)
install(CODE [[
  set(prefix "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}")
  # A configuration that is there is somebody's: it stays.
  if(NOT EXISTS "${prefix}/scripts/config/sync_config.sh")
    file(COPY_FILE "${prefix}/share/twsync/sync_config.sh" "${prefix}/scripts/config/sync_config.sh")
  endif()
  # What the installation owns is never synced: the programs read this list.
  set(list "share/twsync/installed-files\n")
  foreach(file IN LISTS CMAKE_INSTALL_MANIFEST_FILES)
    file(RELATIVE_PATH relative "${CMAKE_INSTALL_PREFIX}" "${file}")
    string(APPEND list "${relative}\n")
  endforeach()
  file(WRITE "${prefix}/share/twsync/installed-files" "${list}")
]])
