#include "common/app/signals.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <utility>

#include "common/base/check.h"

namespace twsync {

namespace {

// A handler can reach nothing but statics.
std::atomic<bool> g_stop{false};
std::atomic<bool> g_terminated{false};
std::atomic<bool> g_reload{false};
std::atomic<int> g_wake{-1};
std::atomic<int> g_reload_wake{-1};
std::atomic<int> g_interrupts{0};
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

void add_to(int fd) {
  const uint64_t one = 1;
  if (fd >= 0) [[maybe_unused]]
    const ssize_t ignored = ::write(fd, &one, sizeof one);
}

void wake() {
  add_to(g_wake);
  add_to(g_reload_wake);
}

void on_signal(int number) {
  const int saved = errno;
  if (number == SIGHUP) {
    g_reload = true;
  } else {
    if (number == SIGINT && g_interrupts.fetch_add(1) > 0) ::_exit(130);
    g_terminated = true;
    g_stop = true;
  }
  wake();
  errno = saved;
}

void mask(int how) {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGTERM);
  ::sigaddset(&set, SIGINT);
  ::sigaddset(&set, SIGHUP);
  ::pthread_sigmask(how, &set, nullptr);
}

void install(int number, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(number, &action, nullptr);
}

}  // namespace

Signals::Signals() {
  SYNC_CHECK(g_wake.load() < 0, "two Signals in one process");
  g_stop = false;
  g_terminated = false;
  g_reload = false;
  g_interrupts = 0;
  g_wake = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  g_reload_wake = ::eventfd(0, EFD_CLOEXEC);
  install(SIGTERM, on_signal);
  install(SIGINT, on_signal);
  install(SIGHUP, on_signal);
  install(SIGPIPE, SIG_IGN);
  mask(SIG_UNBLOCK);
}

Signals::~Signals() {
  install(SIGTERM, SIG_DFL);
  install(SIGINT, SIG_DFL);
  install(SIGHUP, SIG_DFL);
  ::close(g_wake.exchange(-1));
  ::close(g_reload_wake.exchange(-1));
}

std::atomic<bool>& Signals::stop() {
  return g_stop;
}

bool Signals::wait_for_reload() {
  uint64_t count = 0;
  while (!g_reload && !g_stop) [[maybe_unused]] const ssize_t ignored = ::read(g_reload_wake, &count, sizeof count);
  return g_reload.exchange(false);
}

bool Signals::leave_to_successor() {
  mask(SIG_BLOCK);
  return !g_terminated;
}

int Signals::wake_fd() const {
  return g_wake;
}

int Signals::any_wake_fd() {
  return g_wake;
}

void Signals::request_stop() {
  g_stop = true;
  wake();
  const std::lock_guard lock(mutex_);
  if (on_stop_) on_stop_();
}

OnStop::OnStop(Signals& signals, std::function<void()> call) : signals_(signals) {
  const std::lock_guard lock(signals_.mutex_);
  signals_.on_stop_ = std::move(call);
  if (g_stop) signals_.on_stop_();
}

OnStop::~OnStop() {
  const std::lock_guard lock(signals_.mutex_);
  signals_.on_stop_ = nullptr;
}

}  // namespace twsync
