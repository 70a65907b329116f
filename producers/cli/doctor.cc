// twsync doctor

#include "producers/cli/doctor.h"

#include <unistd.h>

#include "common/app/exit_codes.h"
#include "common/base/json_object.h"
#include "common/base/text.h"
#include "common/ssh/authorized_keys.h"
#include "producers/cli/paint.h"

namespace twsync {

void Examination::bad(const char* check, const std::string& text, const std::string& mend) {
  found_bad_ = true;
  say("problem", check, text, mend);
}

void Examination::say(const char* result, const char* check, const std::string& text, const std::string& mend) {
  if (json_) {
    JsonObject line;
    line.text("check", check).text("result", result).text("pair", pair_).text("text", text).text("mend", mend);
    out_(line.str_value() + "\n");
    return;
  }
  std::string line = str(result, ":");
  line.resize(10, ' ');
  const Colour colour = line[0] == 'o' ? Colour::good : line[0] == 'w' ? Colour::warning : Colour::bad;
  out_(str(paint(colours_, colour, line), check, pair_.empty() ? "" : str(" of ", pair_), ": ", escape_bytes(text),
           "\n"));
  if (!mend.empty()) out_(str("          mend: ", escape_bytes(mend), "\n"));
}

std::string config_file_of(const Config& config, const std::string& pair) {
  if (config.file.empty()) return "the configuration";
  if (pair.empty() || pair == kMainPair) return config.file;
  return str(config.file.substr(0, config.file.rfind('/')), "/pairs.d/", pair, ".sh");
}

Result<int> run_doctor(CliContext& context, const DoctorCommand& command) {
  SYNC_ASSIGN(const auto led, select_led(context, command.pair, true));
  Examination exam(context.out, command.json, context.colours);
  check_host(context, led, exam);
  if (!led.here.empty() || led.there.empty()) check_service(context, led.here, exam);
  if (command.pair.empty()) {
    for (const auto& pair : context.config.misconfigured) {
      exam.about(pair.name);
      exam.bad("configuration", describe(pair.error), str("editor ", shell_word(pair.file)));
    }
  }
  for (PairConfig pair : led.here) {
    exam.about(pair.name);
    const auto prepared = prepare_pair(context.config, pair);
    if (!prepared) {
      const std::string mend =
          ::access(pair.code_path.c_str(), F_OK) != 0
              ? str("mkdir -p ", shell_word(pair.code_path), "  # or mount it, or mend CODE_PATH in ",
                    config_file_of(context.config, pair.name))
              : str("editor ", config_file_of(context.config, pair.name));
      exam.bad("code-root", describe(prepared.error()), mend);
      continue;
    }
    exam.good("code-root", pair.code_path);
    check_code_side(context, pair, exam);
    check_hooks(context, led, pair.code_path, exam);
    check_deploy_side(context, pair, exam);
    check_way_in(context, pair, exam);
  }
  for (const auto& way : led.there) {
    exam.about(way.pair);
    check_way_back(context, way, exam);
    check_hooks(context, led, way.deploy_path, exam);
  }
  return exam.found_bad() ? kExitRemains : kExitDone;
}

}  // namespace twsync
