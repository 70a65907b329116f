#include "workers/connector.h"

#include "common/app/config.h"
#include "common/base/text.h"
#include "common/fs/local_side.h"
#include "common/ssh/bootstrap.h"
#include "workers/dial/dial.h"

namespace twsync {

namespace {

// An agent whose client is gone without a word holds its lock for so long, and 10 s; a bulk session holds none.
constexpr int64_t kRestControlMs = 40'000;
constexpr int64_t kRestBulkMs = 45'000;

struct Connected {
  std::unique_ptr<Connection> connection;
  HelloReply reply;
};

SshTarget ssh_target(const AgentWay& way, const PairConfig& pair) {
  SshTarget target;
  target.host = pair.deploy.host;
  target.port = pair.deploy.port;
  target.user = pair.deploy.user;
  target.key_file = pair.ssh_key;
  target.known_hosts = pair.known_hosts;
  if (pair.name != kMainPair) target.exchange += " " + pair.name;
  if (!way.dial_socket.empty()) {
    target.connect = [socket = way.dial_socket, request = DialRequest{pair.name, target.host, target.port}] {
      return dial_through(socket, request);
    };
  }
  return target;
}

/// An agent doesn't know what people call its host.
Error said_there(const PairConfig& pair, Error error) {
  if (pair.deploy.local || error.code == ErrorCode::unreachable) return error;
  error.message = str("on the deploy server ", pair.deploy.host, ": ", error.message);
  if (error.code == ErrorCode::not_found) error.message += "; make it there, or mend DEPLOY_PATH (twsync doctor)";
  return error;
}

Result<Connected> connect(const AgentWay& way, const PairConfig& pair, AgentRole role, Hello request) {
  std::string binary = way.agent_path;
  if (binary.empty()) {
    SYNC_ASSIGN(binary, find_agent_binary());
  }
  Connected out;
  if (pair.deploy.local) {
    SYNC_ASSIGN(out.connection, connect_local_agent(binary));
  } else {
    AgentTarget target;
    target.ssh = ssh_target(way, pair);
    target.agent_path = binary;
    SYNC_ASSIGN(out.connection, connect_agent(target));
  }
  request.role = role;
  request.root = pair.deploy.path;
  if (request.build.empty()) request.build = TWSYNC_VERSION;
  auto greeting = hello(*out.connection, request);
  if (!greeting) return said_there(pair, std::move(greeting).error());
  out.reply = std::move(greeting->reply);
  if (out.connection->peer_has(kRestFeature))
    out.connection->rest_when_idle(role == AgentRole::control ? kRestControlMs : kRestBulkMs);
  return out;
}

}  // namespace

AgentConnector make_agent_connector(AgentWay way) {
  return [way = std::move(way)](const PairConfig& pair, AgentRole role,
                                const Hello& request) -> Result<std::unique_ptr<Connection>> {
    SYNC_ASSIGN(Connected connected, connect(way, pair, role, request));
    return std::move(connected.connection);
  };
}

Result<std::unique_ptr<RemoteSide>> connect_deploy_side(const AgentWay& way, const PairConfig& pair,
                                                        const Hello& request, RemoteSide::WatchSinks sinks) {
  SYNC_ASSIGN(Connected connected, connect(way, pair, AgentRole::control, request));
  return std::make_unique<RemoteSide>(std::move(connected.connection), std::move(connected.reply), std::move(sinks));
}

ScanSides make_scan_sides(AgentWay way, Clock& clock, HostFacts& host) {
  ScanSides sides;
  sides.code = [&clock, &host](const PairConfig& pair,
                               const SideOptions& options) -> Result<std::unique_ptr<SideReader>> {
    RootOptions root;
    root.root = pair.code_path;
    root.pair_id = options.pair_id;
    root.side = Side::code;
    root.hash_key = options.hash_key;
    root.preserve_owner = options.preserve_owner;
    root.preserve_xattrs = options.preserve_xattrs;
    SYNC_ASSIGN(auto side, LocalSide::open(root, clock, host));
    return std::unique_ptr<SideReader>(std::move(side));
  };
  sides.deploy = [way = std::move(way)](const PairConfig& pair,
                                        const SideOptions& options) -> Result<std::unique_ptr<SideReader>> {
    Hello request;
    request.pair_id = options.pair_id;
    request.hash_key = options.hash_key;
    request.preserve_owner = options.preserve_owner;
    request.preserve_xattrs = options.preserve_xattrs;
    SYNC_ASSIGN(auto side, connect_deploy_side(way, pair, request, {options.on_hints, options.on_watch_state}));
    return std::unique_ptr<SideReader>(std::move(side));
  };
  return sides;
}

}  // namespace twsync
