#include "common/app/fanotify_right.h"

#include "common/base/text.h"

namespace twsync {

std::string fanotify_right_command(const std::string& prefix) {
  if (prefix.empty()) return "run twsync-monitor as root";
  const std::string unit = "sutazai-sync-monitor.service";
  return str("install -D -m 644 '", escape_bytes(prefix), "/share/twsync/examples/fanotify.conf' /etc/systemd/system/",
             unit, ".d/fanotify.conf && systemctl daemon-reload && systemctl restart ", unit);
}

}  // namespace twsync
