// Scores s_j, of which softmax is taken, from logits z_j: capped, divided by a temperature, or as they are. Each is
// increasing in z, so the row's largest logit has its largest score. If x = s - s_max were rounded before exp reduces
// it, that rounding alone would be worth 40 ulp of exp(x) at x = -80. Here it is not.
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

// A capped logit, cap tanh(z / cap). Two of them that are close are far closer as tanh, and `cap` enlarges what a
// rounding of tanh takes away. So differences come from the logits themselves. With x = z / cap and E = exp(-2 |x|),
//     tanh a - tanh b = sinh(a - b) / (cosh a cosh b) = 2 expm1(-2 |a - b|) F / ((1 + E_a) (1 + E_b))    for a <= b
//     slope           = 1 / cosh^2 x                  = 4 E / (1 + E)^2
// where F = max(E_a, E_b) if a and b have the same sign, and 1 otherwise. No digits cancel. A logit of +inf is capped
// to `cap`; one of -inf stays -inf, since it masks its class.
//
// exp turns an error of its argument into a relative error, so the factors need more digits than T: two terms of double
// where no type is wider.
constexpr bool capped_in_two_terms = !has_wider_than_double;
template <class T>
using Precise = std::conditional_t<std::is_same_v<T, double> && capped_in_two_terms, TwoTerms<double>, Wide<T>>;

template <class T> struct Capped {
    T z;
    Precise<T> e, inverse;  // E, 1 / (1 + E)
    T slope;
};

template <class T> [[gnu::always_inline]] inline Capped<T> capped(T z, double cap) {
    if constexpr (std::is_same_v<T, float>) {  // in double, which vectorises
        const double e = exp_nonpositive(std::abs(double(z)) * (-2 / cap)), inverse = 1 / (1 + e);
        return {z, e, inverse, T(4 * e * (inverse * inverse))};
    } else if constexpr (capped_in_two_terms) {
        const double size = std::abs(z), x = size / cap;
        const TwoTerms<double> e = exp_two_terms({-2 * x, -2 * (std::fma(-x, cap, size) / cap)});
        const TwoTerms<double> inverse = quotient({1, 0}, add({1, 0}, e));
        return {z, e, inverse, 4 * product(product(e, inverse), inverse).hi};
    } else {
        const double size = std::abs(z), x = size / cap, rest = x < 0x1p13 ? std::fma(-x, cap, size) / cap : 0;
        const Wide<T> e = std::exp(Wide<T>(-2 * x)) * (1 - 2 * Wide<T>(rest)), inverse = 1 / (1 + e);
        return {z, e, inverse, T(4 * e * (inverse * inverse))};
    }
}

// cap (tanh a - tanh b) / temperature, where b is the largest.
template <class T>
[[gnu::always_inline]] inline TwoTerms<T> capped_difference(const Capped<T>& a, const Capped<T>& b, double cap,
                                                            double temperature) {
    constexpr T infinity = std::numeric_limits<T>::infinity();
    const bool equal = a.z == b.z, same_sign = (a.z < 0) == (b.z < 0), masked = a.z == -infinity;
    if constexpr (!std::is_same_v<Precise<T>, Wide<T>>) {
        const TwoTerms<double> d = exact_difference(a.z, b.z), minus_inf{-infinity, 0}, zero{0, 0};
        const TwoTerms<double> twice = quotient({2 * d.hi, 2 * d.lo}, {cap, 0});
        const TwoTerms<double> m = expm1_two_terms(equal ? zero : d.hi == -infinity ? minus_inf : twice);
        const TwoTerms<double> F = same_sign ? (a.e.hi > b.e.hi ? a.e : b.e) : TwoTerms<double>{1, 0};
        const TwoTerms<double> tanh = product(product(m, F), product(a.inverse, b.inverse));
        return masked ? minus_inf : quotient(product(tanh, {2 * cap, 0}), {temperature, 0});
    } else {
        using W = Wide<T>;
        const W x = (equal ? W(0) : W(a.z) - b.z) * (2 / W(cap));
        W m;  // expm1(x) F
        if constexpr (std::is_same_v<T, float>) {
            // Near 0 a short series; further out the digits of E_a - E_b are enough.
            const double series = x * (1 + x * (1. / 2 + x * (1. / 6 + x * (1. / 24 + x * (1. / 120)))));
            const double near = same_sign ? series * (a.e > b.e ? a.e : b.e) : series;
            const double far = same_sign ? -std::abs(a.e - b.e) : a.e * b.e - 1;
            m = x > -0x1p-6 ? near : far;
        } else {
            m = std::expm1(x) * (same_sign ? (a.e > b.e ? a.e : b.e) : W(1));
        }
        const TwoTerms<T> d = split<T>(m * (a.inverse * b.inverse) * (2 * W(cap) / W(temperature)));
        return {masked ? -infinity : d.hi, d.lo};
    }
}

// How scores are computed from logits: capped if softcap is not 0, then divided by the temperature.
template <class T> struct Scores {
    ExpBelow<T> below;
    double softcap;
    explicit Scores(double temperature, double softcap = 0) : below(temperature), softcap(softcap) {}
    explicit Scores(const ExpBelow<T>& below) : below(below), softcap(0) {}
    Wide<T> scale() const { return 1 / Wide<T>(below.temperature); }  // ds/dz, but for the slope of the cap
    Wide<T> value(T z) const {
        if (softcap == 0) return Wide<T>(z) / below.temperature;
        return softcap * std::tanh(Wide<T>(z) / softcap) / below.temperature;
    }
};

}  // namespace softgrad::SOFTGRAD_ISA
