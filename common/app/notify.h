#pragma once
// The systemd notification protocol, without libsystemd. Every call is a no-op where NOTIFY_SOCKET is not set.

#include <cstdint>
#include <string_view>

namespace twsync {

/// False when there was nobody to tell. Any thread.
bool notify_ready(std::string_view status = {});
bool notify_status(std::string_view status);
bool notify_watchdog();
bool notify_stopping();
bool notify_reloading();

/// Half of WATCHDOG_USEC when the watchdog is meant for this process: how often notify_watchdog() is due; 0 = never.
int64_t watchdog_interval_ms();

}  // namespace twsync
