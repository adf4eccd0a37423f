#include "dispatch.hpp"

#include <stdexcept>

#if defined(__x86_64__)
    #include <cpuid.h>
#endif

namespace softgrad {

// isa.cpp, once for each set
#define SOFTGRAD_DECLARE(isa)         \
    namespace isa {                   \
    extern const Kernels<float> f32;  \
    extern const Kernels<double> f64; \
    }

#if defined(__x86_64__)
SOFTGRAD_DECLARE(x86_64_v2)
SOFTGRAD_DECLARE(x86_64_v3)
SOFTGRAD_DECLARE(x86_64_v4)

namespace {

// The features of x86-64-v3 that Clang 14 does not know by name in __builtin_cpu_supports.
bool has_lzcnt_movbe_f16c() {
    unsigned eax, ebx, ecx, edx;
    if (!__get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx) || !(ecx & bit_LZCNT)) return false;
    return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & bit_MOVBE) && (ecx & bit_F16C);
}

}  // namespace

// The sets are never destroyed: a daemon thread may still be in a kernel when the process ends.
const std::vector<InstructionSet>& instruction_sets() {
    __builtin_cpu_init();
    static const bool v2 = __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt");
    static const bool v3 = v2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                           __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") && has_lzcnt_movbe_f16c();
    static const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                           __builtin_cpu_supports("avx512vl");
    static const auto& sets = *new std::vector<InstructionSet>{
        {"x86-64-v2", v2, x86_64_v2::f32, x86_64_v2::f64},
        {"x86-64-v3", v3, x86_64_v3::f32, x86_64_v3::f64},
        {"x86-64-v4", v4, x86_64_v4::f32, x86_64_v4::f64},
    };
    return sets;
}
#else
SOFTGRAD_DECLARE(plain)

const std::vector<InstructionSet>& instruction_sets() {
    static const auto& sets = *new std::vector<InstructionSet>{{SOFTGRAD_PLAIN, true, plain::f32, plain::f64}};
    return sets;
}
#endif

const InstructionSet& choose(const std::string& name) {
    const InstructionSet* widest = nullptr;
    std::string names;
    for (const InstructionSet& set : instruction_sets()) {
        if (!set.runs_here) continue;
        if (set.name == name) return set;
        names += (widest ? ", " : "") + set.name;
        widest = &set;
    }
    if (!widest) {
        throw std::invalid_argument("softgrad: this processor is older than x86-64-v2 (SSE4.2), the least it needs");
    }
    if (!name.empty()) {
        throw std::invalid_argument("softgrad: SOFTGRAD_ISA is '" + name + "', but this machine runs " + names +
                                    ": set it to one of these, or unset it for the widest");
    }
    return *widest;
}

}  // namespace softgrad
