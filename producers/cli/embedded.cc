#include "producers/cli/embedded.h"

#include "producers/cli/embedded_pipeline.h"

namespace twsync {

namespace {

constexpr int kRequestMs = 10'000;

Result<Summary> follow(BrokerClient& client, EmbeddedPipeline& pipeline,
                       const std::function<void(const Event&)>& on_event, const std::atomic<bool>& stop) {
  for (;;) {
    if (stop) return Error{ErrorCode::cancelled, "stopped before the end; run it again to go on from here", {}, 0};
    if (auto failure = pipeline.failure()) return std::move(*failure);
    SYNC_ASSIGN(auto event, client.next_event(200));
    if (!event) continue;
    if (event->kind == EventKind::summary && event->summary) {
      // That a worker is gone says less than why it went.
      if (auto failure = pipeline.failure(); failure && event->summary->error.code != ErrorCode::ok)
        event->summary->error = std::move(*failure);
      on_event(*event);
      return std::move(*event->summary);
    }
    on_event(*event);
  }
}

}  // namespace

Result<Summary> run_embedded(const EmbeddedOptions& options, const std::function<void(const Event&)>& on_event,
                             std::atomic<bool>& stop) {
  SystemClock clock;
  SystemHostFacts own;
  HostFacts& host = options.host != nullptr ? *options.host : own;
  AuditLog audit(options.audit_directory);
  PipelineOptions pipeline_options{options.pair, options.agent_path, options.version};
  pipeline_options.controller.audit_log = &audit;
  SYNC_ASSIGN(const auto pipeline, EmbeddedPipeline::start(std::move(pipeline_options), clock, host));
  SYNC_ASSIGN(const auto client, pipeline->connect());
  SYNC_TRY(client->request(options.request, kRequestMs));
  return follow(*client, *pipeline, on_event, stop);
}

}  // namespace twsync
