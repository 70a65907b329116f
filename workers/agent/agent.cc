#include "workers/agent/agent.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/rel_path.h"
#include "common/base/text.h"
#include "common/fs/host_facts.h"
#include "common/fs/state_dir.h"
#include "workers/agent/bulk_session.h"
#include "workers/agent/control_session.h"

namespace twsync {
namespace {

constexpr int64_t kLastWordsMs = 2'000;

/// What serves a session: exactly one of the two.
struct Roles {
  AgentRole role = AgentRole::control;
  std::unique_ptr<ControlSession> control;
  std::unique_ptr<BulkSession> bulk;
};

struct Route {
  FrameType type;
  AgentRole role;
  Status (*handle)(Roles&, Frame&&);
};

template <Status (ControlSession::*handler)(Frame&&)>
Status control(Roles& roles, Frame&& frame) {
  return (roles.control.get()->*handler)(std::move(frame));
}

template <Status (BulkSession::*handler)(Frame&&)>
Status bulk(Roles& roles, Frame&& frame) {
  return (roles.bulk.get()->*handler)(std::move(frame));
}

/// Every frame that a client may send after the handshake; anything else ends the session.
constexpr Route kRoutes[] = {
    {FrameType::facts, AgentRole::control, control<&ControlSession::on_facts>},
    {FrameType::claim, AgentRole::control, control<&ControlSession::on_claim>},
    {FrameType::list, AgentRole::control, control<&ControlSession::on_list>},
    {FrameType::digest, AgentRole::control, control<&ControlSession::on_digest>},
    {FrameType::read_small, AgentRole::control, control<&ControlSession::on_read_small>},
    {FrameType::flush, AgentRole::control, control<&ControlSession::on_flush>},
    {FrameType::watch, AgentRole::control, control<&ControlSession::on_watch>},
    {FrameType::cookie, AgentRole::control, control<&ControlSession::on_cookie>},
    {FrameType::versions, AgentRole::control, control<&ControlSession::on_versions>},
    {FrameType::restore, AgentRole::control, control<&ControlSession::on_restore>},
    {FrameType::forget, AgentRole::control, control<&ControlSession::on_forget>},
    {FrameType::tend, AgentRole::control, control<&ControlSession::on_tend>},
    {FrameType::restore_tree, AgentRole::control, control<&ControlSession::on_restore_tree>},
    {FrameType::read_version, AgentRole::control, control<&ControlSession::on_read_version>},
    {FrameType::apply, AgentRole::bulk, bulk<&BulkSession::on_apply>},
    {FrameType::content, AgentRole::bulk, bulk<&BulkSession::on_content>},
    {FrameType::content_end, AgentRole::bulk, bulk<&BulkSession::on_content_end>},
    {FrameType::send, AgentRole::bulk, bulk<&BulkSession::on_send>},
    {FrameType::partials, AgentRole::bulk, bulk<&BulkSession::on_partials>},
};

Error violation(std::string what) {
  return Error{ErrorCode::peer_violation, std::move(what), {}, 0};
}

Status check_hello(const Hello& hello) {
  if (hello.protocol != kAgentProtocol) {
    return Error{
        ErrorCode::unsupported,
        str("this agent (twsync ", TWSYNC_VERSION, ") speaks protocol ", kAgentProtocol, ", the client (twsync ",
            escape_bytes(hello.build), ") protocol ", hello.protocol, ": install the same version on both servers"),
        {},
        0};
  }
  if (hello.role != AgentRole::control && hello.role != AgentRole::bulk) return violation("unknown role");
  if (hello.role == AgentRole::bulk && !is_valid_pair_id(hello.pair_id))
    return violation("a bulk session needs a pair id");
  if (!hello.pair_id.empty() && !is_valid_pair_id(hello.pair_id)) return violation("invalid pair id");
  return {};
}

Result<Roles> open_roles(Connection& connection, const Hello& hello, const AgentOptions& options, Clock& clock,
                         HostFacts& host) {
  SYNC_TRY(check_hello(hello));
  RootOptions root;
  SYNC_ASSIGN(root.root, agreed_root(hello.root, options));
  root.pair_id = hello.pair_id;
  root.side = Side::deploy;
  root.hash_key = hello.hash_key;
  root.preserve_owner = hello.preserve_owner;
  root.preserve_xattrs = hello.preserve_xattrs;
  root.preserve_setuid = hello.preserve_setuid;
  Roles roles;
  roles.role = hello.role;
  if (hello.role == AgentRole::control) {
    SYNC_ASSIGN(roles.control, ControlSession::open(connection, root, clock, host, own_paths(root.root, options.home)));
  } else {
    SYNC_ASSIGN(roles.bulk, BulkSession::open(connection, root, clock));
  }
  return roles;
}

Result<Roles> shake_hands(Connection& connection, const AgentOptions& options, Clock& clock, HostFacts& host) {
  SYNC_ASSIGN(const Frame frame, connection.receive(-1));
  if (frame.type != FrameType::hello) return violation("the first frame is no hello");
  SYNC_ASSIGN(const Hello hello, decode<Hello>(frame.payload));
  Result<Roles> roles = open_roles(connection, hello, options, clock, host);
  HelloReply reply;
  reply.build = TWSYNC_VERSION;
  reply.host = host.host_name();
  reply.uid = static_cast<uint32_t>(::geteuid());
  reply.features = {"list", "watch", "versions", "bulk", "flush", "tend", "restore-tree", kRestFeature, kResumeFeature};
  reply.error = roles.ok() ? Error{} : roles.error();
  reply.wall_ns = clock.wall_ns();  // last: the client measures the clock skew with it
  SYNC_TRY(connection.send(FrameType::hello_reply, frame.stream, encode(reply)));
  if (!roles.ok()) (void)connection.flush(kLastWordsMs);
  return roles;
}

Status dispatch(Roles& roles, Frame&& frame) {
  for (const Route& route : kRoutes) {
    if (route.type == frame.type && route.role == roles.role) return route.handle(roles, std::move(frame));
  }
  return violation(str("a frame of type ", static_cast<unsigned>(frame.type), " has no place in this session"));
}

Status serve_frames(Connection& connection, Roles& roles) {
  for (;;) {
    SYNC_ASSIGN(Frame frame, connection.receive(-1));
    if (frame.type == FrameType::goodbye) return {};
    SYNC_TRY(dispatch(roles, std::move(frame)));
  }
}

Result<std::string> canonical(const std::string& path) {
  char resolved[PATH_MAX];
  if (::realpath(path.c_str(), resolved) == nullptr)
    return error_from_errno(errno, "the directory cannot be opened", path);
  return std::string(resolved);
}

}  // namespace

std::vector<std::string> own_paths(const std::string& root, const std::string& home) {
  std::vector<std::string> out;
  const auto real_home = canonical(home);
  if (!real_home.ok()) return out;
  const std::string above = root == "/" ? root : root + "/";
  for (const char* own : {".local/share/twsync", ".local/state/twsync"}) {
    const std::string path = str(*real_home == "/" ? "" : *real_home, "/", own);
    if (path.starts_with(above)) out.push_back(path.substr(above.size()));
  }
  return out;
}

Result<std::string> agreed_root(const std::string& asked, const AgentOptions& options) {
  if (asked.find('\0') != std::string::npos || asked.size() >= PATH_MAX)
    return Error{ErrorCode::usage, "not a path", asked, 0};
  if (asked.empty() && options.fixed_root.empty()) return Error{ErrorCode::usage, "no directory was named", {}, 0};
  std::string absolute = asked;
  if (asked.empty()) absolute = options.fixed_root;
  if (asked == "~" || asked.starts_with("~/")) absolute = options.home + asked.substr(1);
  if (!absolute.starts_with('/')) absolute = str(options.home, "/", absolute);
  SYNC_ASSIGN(std::string root, canonical(absolute));
  if (options.fixed_root.empty()) return root;
  SYNC_ASSIGN(const std::string fixed, canonical(options.fixed_root));
  if (root != fixed)
    return Error{ErrorCode::denied, str("this key may only sync ", escape_bytes(options.fixed_root)), asked, 0};
  return root;
}

Status serve_agent(std::unique_ptr<ByteStream> stream, const AgentOptions& options, Clock& clock) {
  ConnectionOptions connection_options;
  connection_options.ping_interval_ms = 0;
  connection_options.send_magic = true;
  Connection connection(std::move(stream), connection_options);
  SystemHostFacts host;
  Result<Roles> roles = shake_hands(connection, options, clock, host);
  if (!roles.ok()) return roles.error().code == ErrorCode::unreachable ? Status() : Status(roles.error());
  const Status served = serve_frames(connection, *roles);
  if (served.ok() || served.error().code == ErrorCode::unreachable || served.error().code == ErrorCode::cancelled)
    return {};
  if (roles->bulk) roles->bulk->finish(served.error());
  (void)connection.send(FrameType::error, 0, encode(Reply{served.error()}));
  (void)connection.flush(kLastWordsMs);
  return served;
}

}  // namespace twsync
