#include "producers/observer/metrics_server.h"

#include <prometheus/collectable.h>
#include <prometheus/exposer.h>
#include <prometheus/text_serializer.h>

#include <exception>
#include <utility>

#include "common/base/text.h"

namespace twsync {

namespace {

prometheus::MetricFamily converted(const MetricFamily& family) {
  prometheus::MetricFamily out;
  out.name = family.name;
  out.help = family.help;
  out.type = family.counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
  for (const MetricFamily::Value& value : family.values) {
    prometheus::ClientMetric& metric = out.metric.emplace_back();
    for (const auto& [name, text] : value.labels) metric.label.push_back({name, text});
    (family.counter ? metric.counter.value : metric.gauge.value) = value.value;
  }
  return out;
}

std::vector<prometheus::MetricFamily> converted(const std::vector<MetricFamily>& families) {
  std::vector<prometheus::MetricFamily> out;
  for (const MetricFamily& family : families) out.push_back(converted(family));
  return out;
}

class Source final : public prometheus::Collectable {
 public:
  explicit Source(MetricsServer::Families families) : families_(std::move(families)) {}
  std::vector<prometheus::MetricFamily> Collect() const override { return converted(families_()); }

 private:
  const MetricsServer::Families families_;
};

}  // namespace

std::string exposition_text(const std::vector<MetricFamily>& families) {
  return prometheus::TextSerializer().Serialize(converted(families));
}

struct MetricsServer::Impl {
  std::shared_ptr<Source> source;  // the exposer only knows it by a weak pointer
  prometheus::Exposer exposer;
};

MetricsServer::MetricsServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MetricsServer::~MetricsServer() = default;

Result<std::unique_ptr<MetricsServer>> MetricsServer::start(uint16_t port, Families families) {
  try {
    const std::string address = str("127.0.0.1:", port);
    auto impl =
        std::unique_ptr<Impl>(new Impl{std::make_shared<Source>(std::move(families)), prometheus::Exposer(address, 2)});
    impl->exposer.RegisterCollectable(impl->source);
    return std::unique_ptr<MetricsServer>(new MetricsServer(std::move(impl)));
  } catch (const std::exception& error) {
    return Error{ErrorCode::io,
                 str("cannot serve metrics on 127.0.0.1:", port, ": choose another METRICS_PORT (", error.what(), ")"),
                 {},
                 0};
  }
}

}  // namespace twsync
