#include "dispatch.hpp"

#include <cmath>
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

namespace {

template <class T> void add_self_test(const Kernels<T>& kernels, std::vector<double>& values) {
    for (const Shape shape : {Shape{5, 7, 1}, Shape{3, 301, 1}}) {
        const int64_t N = shape.rows(), entries = N * shape.K;
        std::vector<T> z(static_cast<size_t>(entries)), p(z.size()), dz(z.size());
        for (size_t i = 0; i < z.size(); ++i) z[i] = T(int((37 * i) % 23) - 11) / 4;
        kernels.softmax({z.data(), Storage::itself}, {p.data(), Storage::itself, true}, shape, 0, N, 2.0);
        kernels.softmax_vjp({p.data(), Storage::itself}, {z.data(), Storage::itself},
                            {dz.data(), Storage::itself, true}, shape, 0, N, 2.0);
        values.insert(values.end(), p.begin(), p.end());
        values.insert(values.end(), dz.begin(), dz.end());
    }
}

// Whether they differ by no more than roundings of float do.
bool agree(const std::vector<double>& a, const std::vector<double>& b) {
    for (size_t i = 0; i < a.size(); ++i) {
        if (!(std::abs(a[i] - b[i]) <= 0x1p-16 * std::abs(b[i]) + 0x1p-30)) return false;
    }
    return a.size() == b.size();
}

}  // namespace

std::vector<double> self_test(const InstructionSet& set) {
    std::vector<double> values;
    add_self_test(set.f32, values);
    add_self_test(set.f64, values);
    return values;
}

Choice widest_sound(const std::function<std::vector<double>(const InstructionSet&)>& values) {
    std::vector<const InstructionSet*> sets;
    for (const InstructionSet& set : instruction_sets()) {
        if (set.runs_here) sets.push_back(&set);
    }
    std::string warning;
    while (sets.size() > 1) {
        const InstructionSet *const widest = sets.back(), *const next = sets[sets.size() - 2];
        if (agree(values(*widest), values(*next))) break;
        warning = "softgrad: the kernels for " + widest->name + " compute other numbers than those for " + next->name +
                  " on this machine, so those for " + next->name + " are used; SOFTGRAD_ISA=" + next->name +
                  " chooses them without this warning";
        sets.pop_back();
    }
    return {sets.empty() ? nullptr : sets.back(), warning};
}

Choice choose(const std::string& name) {
    std::string names;
    for (const InstructionSet& set : instruction_sets()) {
        if (!set.runs_here) continue;
        if (set.name == name) return {&set, ""};
        names += (names.empty() ? "" : ", ") + set.name;
    }
    if (names.empty()) {
        throw std::invalid_argument("softgrad: this processor is older than x86-64-v2 (SSE4.2), the least it needs");
    }
    if (!name.empty()) {
        throw std::invalid_argument("softgrad: SOFTGRAD_ISA is '" + name + "', but this machine runs " + names +
                                    ": set it to one of these, or unset it for the widest");
    }
    return widest_sound();
}

}  // namespace softgrad
