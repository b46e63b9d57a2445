// The command line program: see scenarios/cli.hpp.
#include "scenarios/cli.hpp"

int main(int argc, char** argv) { return orrery::run_command_line(argc, argv); }
