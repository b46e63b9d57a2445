// The pages that `--help` prints: the program's overview from the table of commands, and one page per command from its
// declared options. Ours rather than the parser's, which does not wrap lines.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace orrery {

std::string overview();
std::string help_page(const CLI::App& command);

}  // namespace orrery
