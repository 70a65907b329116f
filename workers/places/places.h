#pragma once
// Which protected places (ProtectSystem=full, ProtectHome=, PrivateTmp=) the transfer worker has work in, and the
// drop-in that opens just those for it. Any thread; reads the file system, writes nothing.

#include <string>
#include <vector>

#include "common/app/config.h"

namespace twsync {

struct Places {
  bool system = false;  ///< /usr, /boot, /efi, /etc
  bool home = false;    ///< /home, /root, /run/user
  bool tmp = false;     ///< /tmp, /var/tmp

  bool operator==(const Places&) const = default;
};

constexpr Places kEverywhere{true, true, true};

/// Where `path` leads through, as it is written and behind every symlink on its way.
Places places_of(const std::string& path);

/// Of all that the transfer worker touches: local roots, keys, known_hosts, state, logs, configuration and programs.
Places places_of(const Config& config);

/// The drop-in's text; "" where nothing needs to be opened.
std::string lifting_drop_in(const Places& open);

}  // namespace twsync
