// LD_PRELOAD: in the middle of a program's fsync or fchmod of the file or directory TWSYNC_MEANWHILE somebody writes
// BBBB over the beginning of the file TWSYNC_WRITE_TO, as soon as it is there; once.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int written;

static void write_meanwhile(int fd) {
  const char* awaited = getenv("TWSYNC_MEANWHILE");
  const char* target = getenv("TWSYNC_WRITE_TO");
  char name[64];
  char path[4096];
  snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
  const ssize_t length = awaited != NULL && target != NULL ? readlink(name, path, sizeof path - 1) : -1;
  if (length < 0 || written) return;
  path[length] = '\0';
  const int file = strcmp(path, awaited) == 0 ? open(target, O_WRONLY) : -1;
  if (file < 0) return;
  written = pwrite(file, "BBBB", 4, 0) == 4;
  close(file);
}

int fsync(int fd) {
  write_meanwhile(fd);
  return (int)syscall(SYS_fsync, fd);
}

int fchmod(int fd, mode_t mode) {
  write_meanwhile(fd);
  return (int)syscall(SYS_fchmod, fd, mode);
}
