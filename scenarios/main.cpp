// The command line program. Until the commands land it knows only its version.
#include <cstdio>
#include <cstring>

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "--version") == 0) {
    std::puts("orrery " ORRERY_VERSION);
    return 0;
  }
  std::fputs("usage: orrery --version\n", stderr);
  return 2;
}
