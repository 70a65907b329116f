#pragma once
// One packet with at most one descriptor, for both ends of a dialer's socket.

#include <string>

#include "common/fs/unique_fd.h"

namespace twsync {

constexpr size_t kMaxDialPacket = 4096;

struct DialPacket {
  std::string text;
  UniqueFd fd;
};

/// `fd` = -1: none goes along. false: the other end is gone.
bool send_dial_packet(int socket, const std::string& text, int fd);
/// false: the other end is gone, or sent more than one packet of ours can be.
bool receive_dial_packet(int socket, DialPacket& out);

}  // namespace twsync
