/* A disk whose power can be cut, for nbdkit: a raw image that everything is written to at once, so that its bytes are
 * at any moment an exact prefix of what was sent to it. Copies are taken while no request is under way:
 *
 *   DIR/arm    holds a number N: inside the Nth flush request from then on the copy is made; then the disk is dead (EIO
 *              to everything) and DIR/dead appears
 *   DIR/now    as soon as that file appears, which then becomes DIR/taken; the disk lives on
 *
 * tear=SEED: what was written since the last flush that came to its end may be missing from a copy, write by write, as
 * a disk with a cache may leave it. Parameters: image=FILE dir=DIR. DIR/cut.img is the copy; DIR/flushes counts the flush
 * requests since it was armed. */
#define NBDKIT_API_VERSION 2
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <nbdkit-plugin.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define THREAD_MODEL NBDKIT_THREAD_MODEL_SERIALIZE_ALL_REQUESTS

struct undo {
  struct undo *next;
  uint64_t offset;
  uint32_t count;
  char before[];
};

static char *image_path, *dir;
static long cut_at, flushes;  /* cut_at 0 = not armed */
static unsigned tear;
static int image = -1;
static bool dead;
static struct undo *unflushed;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int config(const char *key, const char *value) {
  if (strcmp(key, "image") == 0) return (image_path = nbdkit_realpath(value)) != NULL ? 0 : -1;
  if (strcmp(key, "dir") == 0) return (dir = nbdkit_realpath(value)) != NULL ? 0 : -1;
  if (strcmp(key, "tear") == 0) return tear = (unsigned)atol(value), 0;
  nbdkit_error("unknown parameter %s", key);
  return -1;
}

static char *in_dir(const char *name) {
  char *path;
  if (asprintf(&path, "%s/%s", dir, name) < 0) abort();
  return path;
}

static void say(const char *name, long value) {
  char *path = in_dir(name);
  FILE *out = fopen(path, "w");
  if (out != NULL) {
    fprintf(out, "%ld\n", value);
    fclose(out);
  }
  free(path);
}

static bool copy_data(int to, off_t size) {
  static char buffer[1 << 20];
  for (off_t at = 0; (at = lseek(image, at, SEEK_DATA)) >= 0;) {
    const off_t end = lseek(image, at, SEEK_HOLE);
    while (at < end) {
      const size_t want = (size_t)(end - at) < sizeof buffer ? (size_t)(end - at) : sizeof buffer;
      const ssize_t got = pread(image, buffer, want, at);
      if (got <= 0 || pwrite(to, buffer, (size_t)got, at) != got) return false;
      at += got;
    }
  }
  return ftruncate(to, size) == 0;
}

/* From the newest write back, each one as if it had not arrived. */
static bool lose_some(int to) {
  for (const struct undo *u = unflushed; u != NULL; u = u->next) {
    if (rand_r(&tear) % 2 == 0) continue;
    if (pwrite(to, u->before, u->count, (off_t)u->offset) != (ssize_t)u->count) return false;
  }
  return true;
}

static void take_copy(void) {
  char *part = in_dir("cut.part"), *whole = in_dir("cut.img");
  struct stat st;
  const int to = open(part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const bool done = to >= 0 && fstat(image, &st) == 0 && copy_data(to, st.st_size) && (tear == 0 || lose_some(to)) &&
                    rename(part, whole) == 0;
  if (!done) nbdkit_error("no copy: %m");
  if (to >= 0) close(to);
  free(part);
  free(whole);
}

static void *wait_for_now(void *unused) {
  char *now = in_dir("now"), *taken = in_dir("taken");
  (void)unused;
  for (;; usleep(2000)) {
    if (access(now, F_OK) != 0) continue;
    pthread_mutex_lock(&lock);
    take_copy();
    pthread_mutex_unlock(&lock);
    rename(now, taken);
  }
  return NULL;
}

static int after_fork(void) {
  pthread_t thread;
  image = open(image_path, O_RDWR | O_CLOEXEC);
  if (image < 0 || pthread_create(&thread, NULL, wait_for_now, NULL) != 0) {
    nbdkit_error("%s: %m", image_path);
    return -1;
  }
  return 0;
}

static void *open_disk(int readonly) {
  (void)readonly;
  return NBDKIT_HANDLE_NOT_NEEDED;
}

static int64_t size_of_disk(void *handle) {
  struct stat st;
  (void)handle;
  return fstat(image, &st) == 0 ? (int64_t)st.st_size : -1;
}

static int refuse(void) {
  nbdkit_set_error(EIO);
  return -1;
}

static int read_disk(void *handle, void *out, uint32_t count, uint64_t offset, uint32_t flags) {
  (void)handle, (void)flags;
  if (dead || pread(image, out, count, (off_t)offset) != (ssize_t)count) return refuse();
  return 0;
}

static bool remember(uint32_t count, uint64_t offset) {
  struct undo *u = malloc(sizeof *u + count);
  if (u == NULL) return false;
  *u = (struct undo){unflushed, offset, count};
  unflushed = u;
  return pread(image, u->before, count, (off_t)offset) == (ssize_t)count;
}

static int write_disk(void *handle, const void *bytes, uint32_t count, uint64_t offset, uint32_t flags) {
  int done = 0;
  (void)handle, (void)flags;
  pthread_mutex_lock(&lock);
  if (dead || (tear != 0 && !remember(count, offset)) || pwrite(image, bytes, count, (off_t)offset) != (ssize_t)count)
    done = refuse();
  pthread_mutex_unlock(&lock);
  return done;
}

static void forget_unflushed(void) {
  while (unflushed != NULL) {
    struct undo *next = unflushed->next;
    free(unflushed);
    unflushed = next;
  }
}

static long asked_to_die(void) {
  char *path = in_dir("arm");
  FILE *in = fopen(path, "r");
  long n = 0;
  if (in != NULL) {
    if (fscanf(in, "%ld", &n) != 1) n = 0;
    fclose(in);
  }
  free(path);
  return n;
}

static int flush_disk(void *handle, uint32_t flags) {
  int done = 0;
  (void)handle, (void)flags;
  pthread_mutex_lock(&lock);
  if (cut_at == 0) cut_at = asked_to_die();
  if (cut_at != 0 && !dead) say("flushes", ++flushes);
  if (cut_at != 0 && !dead && flushes == cut_at) {
    take_copy();
    dead = true;
    say("dead", flushes);
    usleep(100000); /* the server lives on for a moment: what it writes now is not in the copy */
  }
  if (dead) done = refuse();
  forget_unflushed();
  pthread_mutex_unlock(&lock);
  return done;
}

static int can_flush(void *handle) {
  (void)handle;
  return 1;
}

static struct nbdkit_plugin plugin = {
    .name = "cutdisk",
    .config = config,
    .after_fork = after_fork,
    .open = open_disk,
    .get_size = size_of_disk,
    .pread = read_disk,
    .pwrite = write_disk,
    .flush = flush_disk,
    .can_flush = can_flush,
};
NBDKIT_REGISTER_PLUGIN(plugin)
