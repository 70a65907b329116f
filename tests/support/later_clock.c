// LD_PRELOAD: the wall clock is TWSYNC_LATER seconds ahead. What must happen minutes or days later can be tested now.
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
  const long failed = syscall(SYS_clock_gettime, clock, now);
  const char *later = getenv("TWSYNC_LATER");
  if (failed == 0 && clock == CLOCK_REALTIME && later != NULL) now->tv_sec += atol(later);
  return (int)failed;
}

time_t time(time_t *out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != NULL) *out = now.tv_sec;
  return now.tv_sec;
}
