// flipper SECONDS A B [A B]...: exchanges the names A and B as fast as it can for so long, then leaves them as they
// were. A = a directory below a root, B = a symlink to somewhere outside: whoever checks first and acts afterwards is
// led astray. Prints how often it exchanged them.

#include <fcntl.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv) {
  if (argc < 4 || argc % 2 != 0) return 2;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(std::atoi(argv[1]));
  long flips = 0;
  do {
    for (int turn = 0; turn < 2; ++turn) {
      for (int i = 2; i + 1 < argc; i += 2) {
        if (::renameat2(AT_FDCWD, argv[i], AT_FDCWD, argv[i + 1], RENAME_EXCHANGE) == 0) {
          ++flips;
        } else if (errno != ENOENT) {
          std::perror(argv[i]);
          return 1;
        }
      }
    }
  } while (std::chrono::steady_clock::now() < end);
  std::printf("%ld\n", flips);
  return 0;
}
