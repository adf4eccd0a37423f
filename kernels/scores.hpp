// Scores s_j, of which softmax is taken, from logits z_j: as they are, divided by a temperature, or capped first. Each
// is increasing in z, so the row's largest logit has its largest score. A score is never rounded: what exp needs of it,
// its difference from the largest, comes as two terms.
#pragma once

#include <cmath>
#include <cstdint>
#include <type_traits>

#include "exp.hpp"

namespace softgrad::SOFTGRAD_ISA {

// What sums are carried in, and what a row's few scalars are computed in.
template <class T> using Wide = std::conditional_t<std::is_same_v<T, float>, double, long double>;

template <class T> struct TwoTerms { T hi, lo; };

template <class T> [[gnu::always_inline]] inline TwoTerms<T> split(Wide<T> x) {
    const T hi = T(x);
    return {hi, T(x - hi)};
}

// a - b, exactly (Knuth's two-sum).
template <class T> [[gnu::always_inline]] inline TwoTerms<T> exact_difference(T a, T b) {
    const T hi = a - b;
    const T b_seen = a - hi;
    return {hi, (a - (hi + b_seen)) + (b_seen - b)};
}

// s = z
template <class T> struct Plain {
    Wide<T> scale() const { return 1; }  // ds/dz = scale * slope(z)
    T slope(T) const { return 1; }
    Wide<T> value(T z) const { return z; }  // s
    TwoTerms<T> difference(T z, T max) const { return exact_difference(z, max); }
};

// s = z / temperature
template <class T> struct Tempered {
    double temperature;
    Wide<T> scale() const { return 1 / Wide<T>(temperature); }
    T slope(T) const { return 1; }
    Wide<T> value(T z) const { return z / Wide<T>(temperature); }
    TwoTerms<T> difference(T z, T max) const {
        if constexpr (std::is_same_v<T, float>) {
            return split<T>((double(z) - max) / temperature);
        } else {
            const TwoTerms<T> d = exact_difference(z, max);
            const T hi = d.hi / temperature;
            return {hi, (std::fma(-hi, temperature, d.hi) + d.lo) / temperature};
        }
    }
};

// s = cap tanh(z / cap) / temperature
template <class T> struct Capped {
    double cap, temperature;
    Wide<T> tanh(T z) const { return std::tanh(z / Wide<T>(cap)); }
    Wide<T> scale() const { return 1 / Wide<T>(temperature); }
    T slope(T z) const {  // 1 - tanh^2, which cancels, as 1 / cosh^2
        const Wide<T> cosh = std::cosh(z / Wide<T>(cap));
        return T(1 / (cosh * cosh));
    }
    Wide<T> value(T z) const { return cap * tanh(z) / temperature; }
    TwoTerms<T> difference(T z, T max) const { return split<T>(value(z) - value(max)); }
};

// exp(s(z) - s(max)) for z <= max.
template <class T, class Scores> [[gnu::always_inline]] inline T exp_below(Scores scores, T z, T max) {
    const TwoTerms<T> d = scores.difference(z, max);
    return exp_nonpositive(d.hi, d.lo);
}

}  // namespace softgrad::SOFTGRAD_ISA
