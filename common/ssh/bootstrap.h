#pragma once
// From an address to a running agent: log in, start the agent that is installed there, install ours when there is none.

#include <functional>
#include <memory>
#include <string>

#include "common/ssh/connection.h"
#include "common/ssh/handshake.h"
#include "common/ssh/ssh_session.h"

namespace twsync {

struct AgentTarget {
  bool local = false;  ///< a child process of ours; `ssh` is not used
  SshTarget ssh;
  std::string agent_path;     ///< our agent binary: run for a local target, installed on a server that has none
  ConnectionOptions options;  ///< expect_magic is set by connect_agent
  std::function<void(const std::string&)> log;  ///< a line for people about installing; may be empty
};

/// Content hash of an agent binary, 32 hex digits; names the file it is installed as.
Result<std::string> agent_build_id(const std::string& agent_path);

/// Our agent binary: beside our own executable, or in ../lib/twsync of it. not_found with the places looked at.
Result<std::string> find_agent_binary();

/// Logs in and starts the agent; its magic was seen when this returns, hello() comes next. With a forced command on the
/// key, that command's agent answers and nothing is installed. Otherwise
/// ~/.local/share/twsync/agent/twsync-agent-<build id> is run, after it was installed there if it was missing or did
/// not start (written beside, checked by running it, renamed; the newest three are kept). Errors: unreachable, with the
/// server's own words where it has any.
Result<std::unique_ptr<Connection>> connect_agent(const AgentTarget& target);

/// The agent as a child process, for a local directory.
Result<std::unique_ptr<Connection>> connect_local_agent(const std::string& agent_path, ConnectionOptions options = {});

}  // namespace twsync
