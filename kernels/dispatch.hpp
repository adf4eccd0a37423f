// Which instruction sets this build holds, and the best of them that this machine runs.
#pragma once

#include <functional>
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

// What a set computes of some rows: softmax and its product, in short rows and long ones, in float and double.
std::vector<double> self_test(const InstructionSet& set);

// A set, and a warning unless it is the widest that runs here.
struct Choice {
    const InstructionSet* set;
    std::string warning;
};

// The widest set that runs here and computes what the next one does, but for roundings. A set that does not is left
// out: the processor, or what emulates it, does not do what it says. `values` is self_test, or its replacement in a
// test.
Choice widest_sound(const std::function<std::vector<double>(const InstructionSet&)>& values = self_test);

// The set with this name, or the widest sound one when the name is empty. Throws std::invalid_argument when there is no
// such set or this machine lacks it.
Choice choose(const std::string& name);

}  // namespace softgrad
