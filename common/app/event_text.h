#pragma once
// Events of the broker as a line of text and as JSON: what the journal, `twsync events` and whoever reads them get.

#include <string>

#include "common/app/journal.h"
#include "common/wire/messages.h"

namespace twsync {

/// The line of a cycle, conflict or parked item, bytes of names escaped; "" = of no interest to a journal.
std::string event_line(const Event& event);

/// TWSYNC_PAIR, TWSYNC_EVENT, TWSYNC_PATH and TWSYNC_ID of that line, for the journal.
LogFields event_fields(const Event& event);

/// One JSON object; "" for what only processes need (cookies).
std::string event_json(const Event& event);

/// "operation", "cycle", …; "" as for event_json().
std::string event_name(EventKind kind);

}  // namespace twsync
