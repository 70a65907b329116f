# Debian packages: `cpack --config build/CPackConfig.cmake` makes twsync (everything) and twsync-agent (the other
# server's end alone). What lies outside the prefix comes in here only: `cmake --install` stays below its prefix.
set(package_dir ${CMAKE_CURRENT_LIST_DIR})
set(made ${CMAKE_CURRENT_BINARY_DIR}/package)
set(prefix ${CMAKE_INSTALL_PREFIX})
set(manual_dir ${CMAKE_BINARY_DIR}/manual-pages)

foreach(name twsync.tmpfiles twsync.logrotate postinst prerm postrm copyright)
  configure_file(${package_dir}/${name}.in ${made}/${name} @ONLY)
endforeach()
foreach(unit producers/inotify/sutazai-sync-monitor.service producers/observer/twsync-observer.service broker/twsync-broker.service workers/twsync-worker@.service
  workers/dial/twsync-dial@.service producers/cron/twsync-cron.service)
  get_filename_component(name ${unit} NAME)
  configure_file(${CMAKE_SOURCE_DIR}/${unit}.in ${made}/${name} @ONLY)
  list(APPEND units ${made}/${name})
endforeach()
configure_file(${CMAKE_SOURCE_DIR}/workers/resolver/strict.conf.in ${made}/strict.conf @ONLY)
configure_file(${CMAKE_SOURCE_DIR}/workers/scanner/scanner.conf.in ${made}/scanner.conf @ONLY)
configure_file(${CMAKE_SOURCE_DIR}/workers/transfer/places.conf.in ${made}/places.conf @ONLY)
configure_file(${CMAKE_SOURCE_DIR}/producers/cron/sutazai-sync.cron.in ${made}/sutazai-sync @ONLY)
file(WRITE ${made}/conffiles "/etc/cron.d/sutazai-sync\n/etc/logrotate.d/twsync\n")
file(WRITE ${made}/changelog "twsync (${PROJECT_VERSION}) unstable; urgency=medium\n\n  * See the project's history.\n\n -- twsync authors <twsync@localhost>  Sun, 22 Nov 2026 00:00:00 +0000\n")
find_program(GZIP gzip REQUIRED)
function(compressed source target)
  execute_process(COMMAND ${GZIP} -9nc ${source} OUTPUT_FILE ${target} COMMAND_ERROR_IS_FATAL ANY)
endfunction()
compressed(${made}/changelog ${made}/changelog.gz)

set(system COMPONENT system EXCLUDE_FROM_ALL)
install(FILES ${units} ${CMAKE_SOURCE_DIR}/workers/dial/twsync-dial.socket ${CMAKE_SOURCE_DIR}/producers/cron/twsync-cron.timer
  DESTINATION /usr/lib/systemd/system ${system})
install(FILES ${made}/strict.conf DESTINATION /usr/lib/systemd/system/twsync-worker@resolver.service.d ${system})
install(FILES ${made}/scanner.conf DESTINATION /usr/lib/systemd/system/twsync-worker@scanner.service.d RENAME strict.conf ${system})
install(FILES ${made}/places.conf DESTINATION /usr/lib/systemd/system/twsync-worker@transfer.service.d RENAME 10-places.conf ${system})
install(FILES ${package_dir}/twsync.sysusers DESTINATION /usr/lib/sysusers.d RENAME twsync.conf ${system})
install(FILES ${made}/twsync.tmpfiles DESTINATION /usr/lib/tmpfiles.d RENAME twsync.conf ${system})
install(FILES ${made}/twsync.logrotate DESTINATION /etc/logrotate.d RENAME twsync ${system})
install(FILES ${made}/sutazai-sync DESTINATION /etc/cron.d ${system})
install(FILES ${made}/copyright ${made}/changelog.gz DESTINATION /usr/share/doc/twsync ${system})
install(FILES ${package_dir}/lintian-overrides DESTINATION /usr/share/lintian/overrides RENAME twsync ${system})
install(CODE "
  file(MAKE_DIRECTORY \$ENV{DESTDIR}/usr/bin \$ENV{DESTDIR}/usr/share/man/man1 \$ENV{DESTDIR}/usr/share/man/man5)
  file(CREATE_LINK ${prefix}/bin/twsync \$ENV{DESTDIR}/usr/bin/twsync SYMBOLIC)
  execute_process(COMMAND ${GZIP} -9nc ${manual_dir}/twsync.1 OUTPUT_FILE \$ENV{DESTDIR}/usr/share/man/man1/twsync.1.gz COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND ${GZIP} -9nc ${manual_dir}/twsync-config.5 OUTPUT_FILE \$ENV{DESTDIR}/usr/share/man/man5/twsync-config.5.gz COMMAND_ERROR_IS_FATAL ANY)
" ${system})
install(FILES ${manual_dir}/twsync.bash DESTINATION /usr/share/bash-completion/completions RENAME twsync ${system})
install(FILES ${manual_dir}/_twsync DESTINATION /usr/share/zsh/vendor-completions ${system})
install(FILES ${manual_dir}/twsync.fish DESTINATION /usr/share/fish/vendor_completions.d ${system})

set(agent_system COMPONENT agent-system EXCLUDE_FROM_ALL)
install(FILES ${made}/copyright ${made}/changelog.gz DESTINATION /usr/share/doc/twsync-agent ${agent_system})
install(FILES ${package_dir}/lintian-overrides-agent DESTINATION /usr/share/lintian/overrides RENAME twsync-agent
  ${agent_system})

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME twsync)
set(CPACK_PACKAGE_CONTACT "twsync authors <twsync@localhost>")
set(CPACK_PACKAGE_DIRECTORY ${CMAKE_BINARY_DIR}/packages)
set(CPACK_PACKAGING_INSTALL_PREFIX ${prefix})
set(CPACK_SET_DESTDIR ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL Unspecified system agent agent-system)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_DEBUGINFO_PACKAGE OFF)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ
  WORLD_EXECUTE)

set(CPACK_DEBIAN_SERVER_PACKAGE_NAME twsync)
set(CPACK_DEBIAN_SERVER_PACKAGE_DEPENDS "twsync-agent (= ${PROJECT_VERSION}), openssh-client, passwd")
set(CPACK_DEBIAN_SERVER_PACKAGE_RECOMMENDS "cron | cron-daemon, logrotate, systemd")
set(CPACK_DEBIAN_SERVER_PACKAGE_CONTROL_EXTRA "${made}/postinst;${made}/prerm;${made}/postrm;${made}/conffiles")
set(CPACK_DEBIAN_SERVER_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_AGENT_PACKAGE_NAME twsync-agent)
set(CPACK_DEBIAN_SERVER_DESCRIPTION "keeps a directory tree the same on two servers
Both ways, live, over SSH. Nothing that a person wrote is lost: every version
that loses a conflict or is deleted is kept and can be brought back.

This package holds the service, its workers and the command line for the code
server, and the command line for the deploy server.")
set(CPACK_DEBIAN_AGENT_DESCRIPTION "far end of twsync, for the deploy server
Started over SSH by the code server's twsync, one process for each session.
It listens on no port. Without this package twsync installs the same program
in the home directory of the user that it logs in as.")
include(CPack)
cpack_add_component_group(server)
cpack_add_component_group(agent)
cpack_add_component(Unspecified GROUP server)
cpack_add_component(system GROUP server)
cpack_add_component(agent GROUP agent)
cpack_add_component(agent-system GROUP agent)
