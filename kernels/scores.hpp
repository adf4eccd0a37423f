// Scores s_j, of which softmax is taken, from logits z_j: capped, divided by a temperature, or as they are. Each is
// increasing in z, so the row's largest logit has its largest score. x = s - s_max is rounded where it is computed, and
// at x = -80 that rounding alone is worth 40 ulp of exp(x): here it is never rounded before exp has reduced it.
#pragma once

#include <limits>

#include "exp.hpp"
#include "two_terms.hpp"
#include "wide.hpp"

namespace softgrad::SOFTGRAD_ISA {

template <class T> [[gnu::always_inline]] inline TwoTerms<T> split(Wide<T> x) {
    const T hi = T(x);
    return {hi, T(x - hi)};
}

// (z - max) / temperature
template <class T> [[gnu::always_inline]] inline TwoTerms<T> tempered_difference(T z, T max, double temperature) {
    if constexpr (std::is_same_v<T, float>) {
        return split<T>((double(z) - max) / temperature);
    } else {
        const TwoTerms<T> d = exact_difference(z, max);
        const T hi = d.hi / temperature;
        return {hi, (std::fma(-hi, temperature, d.hi) + d.lo) / temperature};
    }
}

// exp((z - max) / T), z <= max, in units; 0 from `lowest` down. The rounding of z - max is avoided, not carried: with L
// = T ln 2, k how many times L fits into max, and N how many times into z,
//     (z - max) / T = (N - k) ln 2 + ((z - N L) - (max - k L)) / T
// where z - N L and max - k L are small, and rounded once if product and difference are fused. Without a fused
// multiply-add the rounding is carried.
template <class T> struct ExpBelow {
    // What depends on max. |max / T| is at most `far`; above it every z - max that counts is exact: they are taken
    // first.
    struct Origin {
        T max, lowest, magic, rest;
    };
    static constexpr T far = 0x1p12;

    double temperature;
    T inverse, log2_e, L_hi, L_lo;

    explicit ExpBelow(double temperature) : temperature(temperature), inverse(T(1 / temperature)) {
        constexpr double ln2 = 0x1.62e42fefa39efp-1, ln2_rest = 0x1.abc9e3b39803fp-56;
        const double L = temperature * ln2, L_rest = std::fma(temperature, ln2, -L) + temperature * ln2_rest;
        log2_e = T(1 / L);
        L_hi = T(L);
        L_lo = T((L - L_hi) + L_rest);
    }

    bool is_far(T max) const {
        const T size = std::abs(max);
        return size > far * T(temperature) && size < std::numeric_limits<T>::infinity();
    }

    [[gnu::always_inline]] Origin origin(T max) const {
        const T k = std::nearbyint(max * log2_e);
        return {max, max + T(ExpConstants<T>::lowest) * T(temperature), to_exponent<T> - k,
                std::fma(-k, L_lo, std::fma(-k, L_hi, max))};
    }

    template <bool tempered> [[gnu::always_inline]] T exp(T z, Origin at) const {
        if constexpr (has_fma) {
            const T x = at.lowest > z ? at.lowest : z;  // keeps NaN
            const T shifted = std::fma(x - at.max, log2_e, to_exponent<T>);
            const T N = shifted - at.magic;
            const T r = std::fma(-N, L_lo, std::fma(-N, L_hi, x)) - at.rest;
            return exp_reduced(tempered ? r * inverse : r) * power_of_2(shifted);
        } else {
            const TwoTerms<T> d = tempered ? tempered_difference(z, at.max, temperature) : exact_difference(z, at.max);
            return exp_in_units(d.hi, d.lo);
        }
    }
};

// A logit capped, cap tanh(z / cap): its tanh, and the slope 1 - tanh^2 = 1 / cosh^2 without the cancellation. Without
// a type wider than double, tanh has two terms: a rounding of tanh alone would be worth `cap` ulp of exp.
constexpr bool tanh_in_two_terms = !has_wider_than_double;
template <class T>
using Tanh = std::conditional_t<std::is_same_v<T, double> && tanh_in_two_terms, TwoTerms<double>, Wide<T>>;

template <class T> struct Capped {
    Tanh<T> tanh;
    T slope;
};

template <class T> [[gnu::always_inline]] inline Capped<T> capped(T z, double cap) {
    if constexpr (std::is_same_v<T, float>) {  // in double, which vectorises: e = exp(-2 |z| / cap)
        const double x = double(z) / cap, e = exp_nonpositive(-2 * std::abs(x));
        return {std::copysign((1 - e) / (1 + e), x), T(4 * e / ((1 + e) * (1 + e)))};
    } else if constexpr (tanh_in_two_terms) {
        const double size = std::abs(z), x = size / cap;
        const TwoTerms<double> minus_2x{-2 * x, -2 * (std::fma(-x, cap, size) / cap)}, e = exp_two_terms(minus_2x);
        const TwoTerms<double> below = add({1, 0}, {-e.hi, -e.lo}), above = add({1, 0}, e);
        const TwoTerms<double> tanh = quotient(below, above), quarter = quotient(quotient(e, above), above);
        return {std::signbit(z) ? TwoTerms<double>{-tanh.hi, -tanh.lo} : tanh, 4 * (quarter.hi + quarter.lo)};
    } else {
        const Wide<T> x = z / Wide<T>(cap), cosh = std::cosh(x);
        return {std::tanh(x), T(1 / (cosh * cosh))};
    }
}

// cap (a - b) / temperature
template <class T>
[[gnu::always_inline]] inline TwoTerms<T> capped_difference(Tanh<T> a, Tanh<T> b, double cap, double temperature) {
    if constexpr (std::is_same_v<Tanh<T>, Wide<T>>) {
        return split<T>(cap * (a - b) / temperature);
    } else {
        return quotient(product(add(a, {-b.hi, -b.lo}), {cap, 0}), {temperature, 0});
    }
}

// How scores are computed from logits: capped if softcap is not 0, then divided by the temperature.
template <class T> struct Scores {
    ExpBelow<T> below;
    double softcap;
    explicit Scores(double temperature, double softcap = 0) : below(temperature), softcap(softcap) {}
    Wide<T> scale() const { return 1 / Wide<T>(below.temperature); }  // ds/dz, but for the slope of the cap
    Wide<T> value(T z) const {
        if (softcap == 0) return Wide<T>(z) / below.temperature;
        const Tanh<T> tanh = capped(z, softcap).tanh;
        if constexpr (std::is_same_v<Tanh<T>, Wide<T>>) {
            return softcap * tanh / below.temperature;
        } else {
            return softcap * (tanh.hi + tanh.lo) / below.temperature;
        }
    }
};

}  // namespace softgrad::SOFTGRAD_ISA
