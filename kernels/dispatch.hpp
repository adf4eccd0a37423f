// Which instruction sets this build holds, and the best of them that this machine runs.
#pragma once

#include <string>
#include <vector>

#include "table.hpp"

namespace softgrad {

struct InstructionSet {
    std::string name;
    bool runs_here;
    const Kernels<float>& f32;
    const Kernels<double>& f64;
};

// From the plainest to the widest.
const std::vector<InstructionSet>& instruction_sets();

// The set with this name, or the widest that runs here when the name is empty. Throws std::invalid_argument when there
// is no such set or this machine lacks it.
const InstructionSet& choose(const std::string& name);

}  // namespace softgrad
