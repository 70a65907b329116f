#pragma once
// A private sshd for integration tests (sshd.sh does the work): address, keys, home; gone with the object.

#include <sys/types.h>

#include <string>
#include <vector>

#include "common/ssh/ssh_session.h"

namespace twsync {

class SshdFixture {
 public:
  /// `options`: sshd_config lines that go before the fixture's own. Aborts the test program when sshd cannot start.
  explicit SshdFixture(std::vector<std::string> options = {});
  ~SshdFixture();
  SshdFixture(const SshdFixture&) = delete;
  SshdFixture& operator=(const SshdFixture&) = delete;

  /// Logs in with the fixture's key and known_hosts; no ssh-agent, none of the user's keys.
  SshTarget target() const;
  const std::string& dir() const { return dir_; }      ///< temporary, removed at the end
  std::string home() const { return dir_ + "/home"; }  ///< HOME of the sessions
  std::string authorized_keys() const { return home() + "/.ssh/authorized_keys"; }
  const std::string& address() const { return address_; }
  int port() const { return port_; }
  void restart(std::vector<std::string> options = {});  ///< same port, keys and home
  void make_new_host_key();                             ///< and restarts with it; known_hosts keeps the old one
  std::vector<pid_t> session_pids() const;              ///< sshd's own processes of the open sessions

 private:
  void start(const std::vector<std::string>& options);
  void stop();

  std::string dir_, address_;
  int port_ = 0;
};

std::string read_file(const std::string& path);
void write_file(const std::string& path, const std::string& text, unsigned mode = 0644);

}  // namespace twsync
