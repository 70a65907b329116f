// LD_PRELOAD: counts each kind of call that changes a disk, over all threads and all processes that share the file
// TWSYNC_CALLS, and lets the Nth of one kind end the process or fail. TWSYNC_FAIL="CALL N KILL", or an errno's number
// in place of KILL; TWSYNC_CALLS.hit says that it came to that. What a process starts is left alone. What hangs, SIGALRM
// ends after 180 s. A write counts only to a regular file: one to a socket or an eventfd is no fault of a disk.
#define _GNU_SOURCE
#include <fcntl.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

// In the order of nth_call_lib.sh.
enum call {
  c_write, c_pwrite64, c_fsync, c_fdatasync, c_syncfs, c_rename, c_renameat, c_renameat2, c_link, c_linkat, c_unlink,
  c_unlinkat, c_mkdir, c_mkdirat, c_symlinkat, c_fchmod, c_utimensat, c_ftruncate, kinds
};
static const char* const names[kinds] = {
    "write",  "pwrite64", "fsync",    "fdatasync", "syncfs",  "rename",    "renameat", "renameat2", "link",
    "linkat", "unlink",   "unlinkat", "mkdir",     "mkdirat", "symlinkat", "fchmod",   "utimensat", "ftruncate"};

static uint64_t* counts;
static char hit[PATH_MAX];
static int fail_kind = kinds;
static uint64_t fail_at;
static int fail_errno;  // 0 = kill

__attribute__((constructor)) static void begin(void) {
  const char* file = getenv("TWSYNC_CALLS");
  const char* fail = getenv("TWSYNC_FAIL");
  char name[32], how[32];
  unsigned long long at = 0;
  if (file == NULL) return;
  alarm(180);
  const int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0 || syscall(SYS_ftruncate, fd, kinds * sizeof *counts) != 0) _exit(99);
  counts = mmap(NULL, kinds * sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (counts == MAP_FAILED) _exit(99);
  snprintf(hit, sizeof hit, "%s.hit", file);
  if (fail != NULL && sscanf(fail, "%31s %llu %31s", name, &at, how) == 3) {
    fail_kind = 0;
    while (fail_kind < kinds && strcmp(names[fail_kind], name) != 0) ++fail_kind;
    fail_at = at;
    fail_errno = strcmp(how, "KILL") == 0 ? 0 : atoi(how);
  }
  unsetenv("LD_PRELOAD");
  unsetenv("TWSYNC_CALLS");
  unsetenv("TWSYNC_FAIL");
}

static void note_hit(int fd, const char* path) {
  char link[64], where[PATH_MAX], line[PATH_MAX + 64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = fd >= 0 ? readlink(link, where, sizeof where - 1) : 0;
  where[length > 0 ? length : 0] = 0;
  const int size = snprintf(line, sizeof line, "%s %s %s\n", names[fail_kind], where, path);
  const long out = syscall(SYS_openat, AT_FDCWD, hit, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (out < 0) return;
  syscall(SYS_write, out, line, size < (int)sizeof line ? size : (int)sizeof line - 1);
  syscall(SYS_close, out);
}

// True when this call fails; errno is set.
static int fails(enum call kind, int fd, const char* path) {
  if (counts == NULL) return 0;
  const uint64_t n = __atomic_add_fetch(&counts[kind], 1, __ATOMIC_SEQ_CST);
  if ((int)kind != fail_kind || n != fail_at) return 0;
  note_hit(fd, path);
  if (fail_errno == 0) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
  }
  errno = fail_errno;
  return 1;
}

static int is_file(int fd) {
  struct stat st;
  const int before = errno;
  const int file = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
  errno = before;
  return file;
}

ssize_t write(int fd, const void* bytes, size_t size) {
  return is_file(fd) && fails(c_write, fd, "") ? -1 : syscall(SYS_write, fd, bytes, size);
}
ssize_t writev(int fd, const struct iovec* parts, int count) {
  return is_file(fd) && fails(c_write, fd, "") ? -1 : syscall(SYS_writev, fd, parts, count);
}
ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t at) {
  return fails(c_pwrite64, fd, "") ? -1 : syscall(SYS_pwrite64, fd, bytes, size, at);
}
ssize_t pwrite(int fd, const void* bytes, size_t size, off_t at) { return pwrite64(fd, bytes, size, at); }
int fsync(int fd) { return fails(c_fsync, fd, "") ? -1 : (int)syscall(SYS_fsync, fd); }
int fdatasync(int fd) { return fails(c_fdatasync, fd, "") ? -1 : (int)syscall(SYS_fdatasync, fd); }
int syncfs(int fd) { return fails(c_syncfs, fd, "") ? -1 : (int)syscall(SYS_syncfs, fd); }
int rename(const char* from, const char* to) {
  return fails(c_rename, -1, to) ? -1 : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}
int renameat(int from_dir, const char* from, int to_dir, const char* to) {
  return fails(c_renameat, to_dir, to) ? -1 : (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0);
}
int renameat2(int from_dir, const char* from, int to_dir, const char* to, unsigned flags) {
  return fails(c_renameat2, to_dir, to) ? -1 : (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}
int link(const char* from, const char* to) {
  return fails(c_link, -1, to) ? -1 : (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}
int linkat(int from_dir, const char* from, int to_dir, const char* to, int flags) {
  return fails(c_linkat, to_dir, to) ? -1 : (int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
}
int unlink(const char* path) { return fails(c_unlink, -1, path) ? -1 : (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0); }
int unlinkat(int dir, const char* path, int flags) {
  return fails(c_unlinkat, dir, path) ? -1 : (int)syscall(SYS_unlinkat, dir, path, flags);
}
int rmdir(const char* path) {
  return fails(c_unlinkat, -1, path) ? -1 : (int)syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR);
}
int mkdir(const char* path, mode_t mode) {
  return fails(c_mkdir, -1, path) ? -1 : (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}
int mkdirat(int dir, const char* path, mode_t mode) {
  return fails(c_mkdirat, dir, path) ? -1 : (int)syscall(SYS_mkdirat, dir, path, mode);
}
int symlinkat(const char* target, int dir, const char* path) {
  return fails(c_symlinkat, dir, path) ? -1 : (int)syscall(SYS_symlinkat, target, dir, path);
}
int fchmod(int fd, mode_t mode) { return fails(c_fchmod, fd, "") ? -1 : (int)syscall(SYS_fchmod, fd, mode); }
int utimensat(int dir, const char* path, const struct timespec times[2], int flags) {
  return fails(c_utimensat, dir, path) ? -1 : (int)syscall(SYS_utimensat, dir, path, times, flags);
}
int futimens(int fd, const struct timespec times[2]) {
  return fails(c_utimensat, fd, "") ? -1 : (int)syscall(SYS_utimensat, fd, NULL, times, 0);
}
int ftruncate64(int fd, off64_t size) {
  return fails(c_ftruncate, fd, "") ? -1 : (int)syscall(SYS_ftruncate, fd, size);
}
int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }
