// twsync-manual DIR CONFIG VERSION: writes the manual pages and completions into DIR. A step of the build.

#include <cstdio>
#include <fstream>
#include <iterator>

#include "producers/cli/manual/manual.h"

namespace {

bool write(const std::string& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  return static_cast<bool>(out.flush());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const std::string directory = argv[1];
  std::ifstream in(argv[2], std::ios::binary);
  const std::string config{std::istreambuf_iterator<char>(in), {}};
  const auto program = twsync::program_text();
  const bool done = !config.empty() && write(directory + "/twsync.1", twsync::manual_page(program, argv[3])) &&
                    write(directory + "/twsync-config.5", twsync::config_page(config, argv[3])) &&
                    write(directory + "/twsync.bash", twsync::bash_completion(program)) &&
                    write(directory + "/_twsync", twsync::zsh_completion(program)) &&
                    write(directory + "/twsync.fish", twsync::fish_completion(program));
  if (!done) std::fprintf(stderr, "twsync-manual: cannot write into %s\n", directory.c_str());
  return done ? 0 : 1;
}
