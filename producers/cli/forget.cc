// twsync forget

#include <filesystem>

#include "common/app/exit_codes.h"
#include "common/base/text.h"
#include "producers/cli/context.h"
#include "producers/cli/pair_memory.h"
#include "producers/cli/request_runner.h"

namespace twsync {

Result<int> run_forget(CliContext& context, const ForgetCommand& command) {
  SYNC_ASSIGN(PairConfig pair, find_pair(context.config, command.pair));
  SYNC_TRY(prepare_pair(context.config, pair));
  Request request;
  request.kind = RequestKind::forget;
  const auto printer = make_printer(PrinterOptions{}, context.out);
  SYNC_ASSIGN(const Summary summary, run_request(context, pair, std::move(request), {}, [&](const Event& event) { printer->event(event); }));
  if (summary_exit_code(summary) != kExitDone) {
    printer->summary(summary);
    return summary_exit_code(summary);
  }
  // Last, so that a forget that was interrupted can be run again by name.
  std::error_code error;
  std::filesystem::remove_all(pair.state_dir, error);
  if (error) return error_from_errno(error.value(), "cannot remove the pair's state", pair.state_dir);
  context.out(str("forgotten: ", pair.name, "; both trees stay as they are\n"));
  return kExitDone;
}

}  // namespace twsync
