// LD_PRELOAD: a program changes a terminal's settings only once a line was typed there, or none came for a second. With
// it whoever answers a question at once is always faster than the program.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <poll.h>
#include <termios.h>

int tcsetattr(int fd, int when, const struct termios* settings) {
  int (*real)(int, int, const struct termios*) =
      (int (*)(int, int, const struct termios*))dlsym(RTLD_NEXT, "tcsetattr");
  struct pollfd typed = {fd, POLLIN, 0};
  poll(&typed, 1, 1000);
  return real(fd, when, settings);
}
