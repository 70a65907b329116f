#pragma once
// logs/sync/sync_*.log and cron_sync_*.log: one file a day.

#include <string>

#include "common/app/config.h"
#include "common/wire/messages.h"

namespace twsync {

/// Opens today's log, where this is an installation or the cron entry asks, and removes those older than 30 days.
/// Without rights there is no log and no complaint: a person may sync a pair of their own.
void open_sync_log(const Config& config, bool from_cron);

/// What a log wants of a run's events.
void log_event(const Event& event);
void log_summary(const std::string& pair, const Summary& summary);

}  // namespace twsync
