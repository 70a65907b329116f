#include "common/app/run_main.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <exception>
#include <new>
#include <thread>
#include <utility>

#include "common/app/installation.h"
#include "common/app/log.h"
#include "common/app/notify.h"
#include "common/base/memory.h"
#include "common/base/text.h"

namespace twsync {

namespace {

void complain(const std::string& text) {
  std::fprintf(stderr, "twsync: %s\n", text.c_str());
}

struct ServiceArguments {
  Overrides overrides;
  std::vector<std::string> pairs;
  bool log_stderr = false;
  bool answered = false;  ///< --help or --version was printed
};

Result<ServiceArguments> parse_service_arguments(const std::vector<std::string>& args,
                                                 const ServiceDescription& about) {
  ServiceArguments out;
  for (size_t i = 0; i < args.size(); ++i) {
    const std::string& option = args[i];
    const auto value = [&]() -> Result<std::string> {
      if (i + 1 >= args.size()) return Error{ErrorCode::usage, str(option, " needs a value"), {}, 0};
      return args[++i];
    };
    if (option == "--help") {
      std::printf(
          "%s: %s\nOptions: --config FILE, --state-dir DIR, --pair NAME (again for more), --log-stderr, --version\n",
          about.name, about.about);
      out.answered = true;
    } else if (option == "--version") {
      std::printf("%s %s\n", about.name, TWSYNC_VERSION);
      out.answered = true;
    } else if (option == "--log-stderr") {
      out.log_stderr = true;
    } else if (option == "--config") {
      SYNC_ASSIGN(out.overrides.config, value());
    } else if (option == "--state-dir") {
      SYNC_ASSIGN(out.overrides.state_dir, value());
    } else if (option == "--pair") {
      SYNC_ASSIGN(out.pairs.emplace_back(), value());
    } else {
      return Error{
          ErrorCode::usage, str("unknown option '", escape_bytes(option), "'; see ", about.name, " --help"), {}, 0};
    }
  }
  return out;
}

void open_service_log(const Config& config, const ServiceDescription& about, bool log_stderr) {
  LogOptions log;
  log.name = about.log_name;
  log.file = str(config.log_dir, "/", about.log_name, ".log");
  log.to_stderr = log_stderr || std::getenv("JOURNAL_STREAM") != nullptr;
  log.level = config.log_level;
  const auto opened = open_log(log);
  if (opened) return;
  // A service without its log file still serves; the journal then has everything.
  log.file.clear();
  log.to_stderr = true;
  (void)open_log(log);
  log_warn(describe(opened.error()));
}

// Watches for SIGHUP beside the service's own loop.
class Reloader {
 public:
  Reloader(Signals& signals, const Config& now) : signals_(signals), thread_([this, now] { watch(now); }) {}
  ~Reloader() { finish(); }
  /// Ends the watch; true when the process is to begin anew.
  bool finish() {
    signals_.request_stop();
    if (thread_.joinable()) thread_.join();
    return again_;
  }

 private:
  /// What keeps the process from beginning anew; a pair that is served now must not be lost by a slip in its file.
  static Status readable(const Config& now) {
    SYNC_ASSIGN(const auto config, load_config(now.overrides));
    for (const auto& pair : config.misconfigured) {
      if (now.find(pair.name) != nullptr) return pair.error;
    }
    return {};
  }

  void watch(const Config& now) {
    while (signals_.wait_for_reload()) {
      const auto good = readable(now);
      if (good) {
        log_info("the configuration is read again");
        again_ = true;
        break;
      }
      log_error("the configuration stays as it was: ", describe(good.error()));
    }
    // A signal handler can't tell the loop by itself.
    signals_.request_stop();
  }

  Signals& signals_;
  bool again_ = false;
  std::thread thread_;
};

// The same process begins anew, with what is installed now; returns only when that fails.
Error begin_anew(const ServiceDescription& about, const std::vector<std::string>& args) {
  const std::string program = str(executable_directory(), "/", about.name);
  std::vector<char*> argv{const_cast<char*>(program.c_str())};
  for (const auto& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
  argv.push_back(nullptr);
  ::execv(program.c_str(), argv.data());
  return error_from_errno(errno, "cannot start again", program);
}

Result<int> serve(const std::vector<std::string>& args, Signals& signals, const ServiceDescription& about,
                  const std::function<Status(ServiceContext&)>& body) {
  SYNC_ASSIGN(auto arguments, parse_service_arguments(args, about));
  if (arguments.answered) return kExitDone;
  SYNC_ASSIGN(auto config, load_config(arguments.overrides));
  for (const auto& name : arguments.pairs) {
    if (config.find(name) == nullptr) return config.why_not(name);
  }
  SYNC_TRY(make_private_directory(config.state_dir));
  SYNC_TRY(make_runtime_directory(config.runtime_dir));
  open_service_log(config, about, arguments.log_stderr);
  for (const auto& pair : config.misconfigured)
    log_error("pair ", pair.name, " is misconfigured and not served: ", describe(pair.error));
  ServiceContext context{std::move(config), std::move(arguments.pairs), signals};
  for (auto& pair : context.config.pairs) {
    const auto prepared = prepare_pair(context.config, pair);
    if (!prepared) log_warn("pair ", pair.name, ": ", describe(prepared.error()));
  }
  log_info(about.name, " ", TWSYNC_VERSION, " starts");
  Reloader reloader(signals, context.config);
  auto status = body(context);
  if (reloader.finish() && status && signals.leave_to_successor()) {
    notify_reloading();
    return begin_anew(about, args);
  }
  notify_stopping();
  if (!status) {
    log_error(describe(status.error()));
    return std::move(status).error();
  }
  log_info(about.name, " ends");
  return kExitDone;
}

}  // namespace

int exit_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::ok:
      return kExitDone;
    case ErrorCode::usage:
    case ErrorCode::not_found:
    case ErrorCode::unsupported:
      return kExitUsage;
    case ErrorCode::unreachable:
    case ErrorCode::timeout:
    case ErrorCode::peer_violation:
      return kExitUnreachable;
    case ErrorCode::guard:
    case ErrorCode::busy:
      return kExitGuard;
    case ErrorCode::cancelled:
    case ErrorCode::io:
    case ErrorCode::no_space:
    case ErrorCode::denied:
    case ErrorCode::corrupt:
    case ErrorCode::stale:
    case ErrorCode::exists:
      return kExitRemains;
    case ErrorCode::bug:
      break;
  }
  return kExitInternal;
}

std::string complaint(const Error& error) {
  const char* next = "";
  if (error.code == ErrorCode::io) next = ": what is not done is still to do, run it again when that is mended";
  if (error.code == ErrorCode::no_space) next = ": what is not done is still to do, run it again when there is room";
  if (error.code == ErrorCode::denied)
    next = ": what is not done is still to do, run it again with the right to do that";
  return describe(error) + next;
}

int run_main(int argc, char** argv,
             const std::function<Result<int>(std::vector<std::string> args, Signals& signals)>& body) {
  use_one_arena();
  Signals signals;
  int code = kExitInternal;
  try {
    auto result = body(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc), signals);
    if (result) {
      code = *result;
    } else {
      complain(complaint(result.error()));
      code = exit_code(result.error().code);
    }
  } catch (const std::bad_alloc&) {
    complain("out of memory");
  } catch (const std::exception& failure) {
    complain(str("internal error: ", escape_bytes(failure.what())));
  }
  close_log();
  return code;
}

int run_service(int argc, char** argv, const ServiceDescription& about,
                const std::function<Status(ServiceContext&)>& body) {
  return run_main(argc, argv,
                  [&](std::vector<std::string> args, Signals& signals) { return serve(args, signals, about, body); });
}

}  // namespace twsync
