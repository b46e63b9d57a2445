// `orrery collective KIND --topology MACHINE --bytes 8..8G`: predicted times of a collective in the layout of nccl-tests;
// with --log beside the times that nccl-tests or rccl-tests measured, with the errors.
#pragma once

#include "scenarios/cli.hpp"

namespace orrery {

CommandAction declare_collective(CLI::App&, const Invocation&);

}  // namespace orrery
