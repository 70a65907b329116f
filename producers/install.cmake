# What an installation has besides its programs. Last of all, since it writes the list of what was installed before.
# Units and the cron entry name the prefix that is installed to, which `cmake --install --prefix` may choose late.
set(named_after_prefix
  producers/inotify/sutazai-sync-monitor.service.in:systemd/sutazai-sync-monitor.service
  producers/observer/twsync-observer.service.in:systemd/twsync-observer.service
  broker/twsync-broker.service.in:systemd/twsync-broker.service
  workers/twsync-worker@.service.in:systemd/twsync-worker@.service
  workers/dial/twsync-dial@.service.in:systemd/twsync-dial@.service
  workers/dial/twsync-dial.socket:systemd/twsync-dial.socket
  workers/resolver/strict.conf.in:systemd/twsync-worker@resolver.service.d/strict.conf
  workers/scanner/scanner.conf.in:systemd/twsync-worker@scanner.service.d/strict.conf
  workers/transfer/places.conf.in:systemd/twsync-worker@transfer.service.d/10-places.conf
  producers/cron/twsync-cron.service.in:systemd/twsync-cron.service
  producers/cron/twsync-cron.timer:systemd/twsync-cron.timer
  producers/cron/sutazai-sync.cron.in:cron.d/sutazai-sync)
foreach(item ${named_after_prefix})
  string(REPLACE ":" ";" parts ${item})
  list(GET parts 0 source)
  list(GET parts 1 target)
  install(CODE "
    configure_file(\"${CMAKE_SOURCE_DIR}/${source}\" \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/share/twsync/${target}\" @ONLY)
    list(APPEND CMAKE_INSTALL_MANIFEST_FILES \"\${CMAKE_INSTALL_PREFIX}/share/twsync/${target}\")")
endforeach()
install(PROGRAMS cli/two_way_sync.sh cli/ssh_key_exchange.sh DESTINATION scripts)
install(FILES ${CMAKE_SOURCE_DIR}/common/app/sync_config.sh package/twsync.sysusers observer/grafana_dashboard.json DESTINATION share/twsync)
install(FILES inotify/fanotify.conf DESTINATION share/twsync/examples)
install(DIRECTORY DESTINATION scripts/config/pairs.d)
install(DIRECTORY DESTINATION logs/sync DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE)
# A configuration that is there is somebody's: it stays. A package brings none (its postinst does this).
install(CODE [[
  set(prefix "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}")
  if(NOT EXISTS "${prefix}/scripts/config/sync_config.sh")
    file(COPY_FILE "${prefix}/share/twsync/sync_config.sh" "${prefix}/scripts/config/sync_config.sh")
  endif()
]] COMPONENT configuration)
install(CODE [[
  set(prefix "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}")
  # What the installation owns is never synced: the programs read this list.
  set(list "share/twsync/installed-files\n")
  foreach(file IN LISTS CMAKE_INSTALL_MANIFEST_FILES)
    file(RELATIVE_PATH relative "${CMAKE_INSTALL_PREFIX}" "${file}")
    string(APPEND list "${relative}\n")
  endforeach()
  # The agent comes in a package of its own.
  if(NOT list MATCHES "bin/twsync-agent\n")
    string(APPEND list "bin/twsync-agent\n")
  endif()
  file(WRITE "${prefix}/share/twsync/installed-files" "${list}")
]])
