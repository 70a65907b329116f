#include "producers/observer/metrics_server.h"

#include <httplib.h>

#include <thread>

#include "common/base/text.h"

namespace twsync {

struct MetricsServer::Impl {
  httplib::Server server;
  std::thread thread;
};

MetricsServer::MetricsServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

MetricsServer::~MetricsServer() {
  impl_->server.stop();
  impl_->thread.join();
}

Result<std::unique_ptr<MetricsServer>> MetricsServer::start(uint16_t port, std::function<std::string()> text) {
  auto impl = std::make_unique<Impl>();
  httplib::Server& server = impl->server;
  server.new_task_queue = [] { return new httplib::ThreadPool(2); };
  server.set_payload_max_length(1024);
  server.set_read_timeout(5);
  server.set_write_timeout(5);
  server.Get("/metrics", [text = std::move(text)](const httplib::Request&, httplib::Response& response) {
    response.set_content(text(), "text/plain; version=0.0.4; charset=utf-8");
  });
  if (!server.bind_to_port("127.0.0.1", port))
    return Error{
        ErrorCode::io, str("cannot serve metrics on 127.0.0.1:", port, ": choose another METRICS_PORT"), {}, 0};
  Impl* running = impl.get();
  impl->thread = std::thread([running] { running->server.listen_after_bind(); });
  // Before that, stop() would go unheard.
  while (!server.is_running()) std::this_thread::yield();
  return std::unique_ptr<MetricsServer>(new MetricsServer(std::move(impl)));
}

}  // namespace twsync
