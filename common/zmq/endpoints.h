#pragma once
// Endpoint text and the messages that pass over a DEALER.

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/zmq/link.h"
#include "common/zmq/zmq_socket.h"

namespace twsync {

/// The file of an ipc:// endpoint, "" for any other.
std::string ipc_path(std::string_view endpoint);

/// ok when somebody accepts connections at an ipc:// endpoint now (always ok for other kinds); else unreachable, at
/// once.
Status probe_endpoint(const std::string& endpoint);

/// A DEALER with a fresh random identity that starts with `name`.
Result<ZmqSocket> open_dealer(ZmqContext& context, const std::string& endpoint, std::string_view name);

Result<SendOutcome> send_message(ZmqSocket& socket, const Envelope& envelope, std::string_view body);

/// False = nothing there. Messages that are malformed or of another schema are skipped: a lying broker changes nothing.
Result<bool> receive_message(ZmqSocket& socket, Message& message);

}  // namespace twsync
