// Numbers as the sum of two terms, the second at most half an ulp of the first: about twice the digits of their type.
#pragma once

#include <cmath>

#include "exp.hpp"

namespace softgrad::SOFTGRAD_ISA {

template <class T> struct TwoTerms { T hi, lo; };

// a - b, exactly (Knuth's two-sum).
template <class T> [[gnu::always_inline]] inline TwoTerms<T> exact_difference(T a, T b) {
    const T hi = a - b;
    const T b_seen = a - hi;
    return {hi, (a - (hi + b_seen)) + (b_seen - b)};
}

// Sums, products and quotients to about 2^-100.
inline TwoTerms<double> add(TwoTerms<double> a, TwoTerms<double> b) {
    const TwoTerms<double> sum = exact_difference(a.hi, -b.hi);
    const double lo = sum.lo + (a.lo + b.lo), hi = sum.hi + lo;
    return {hi, lo - (hi - sum.hi)};
}

inline TwoTerms<double> product(TwoTerms<double> a, TwoTerms<double> b) {
    const double first = a.hi * b.hi;
    const double lo = std::fma(a.hi, b.hi, -first) + (a.hi * b.lo + a.lo * b.hi), hi = first + lo;
    return {hi, lo - (hi - first)};
}

inline TwoTerms<double> quotient(TwoTerms<double> a, TwoTerms<double> b) {
    const double first = a.hi / b.hi;
    const double rest = std::fma(-first, b.hi, a.hi) + (a.lo - first * b.lo);
    const double lo = rest / b.hi, hi = first + lo;
    return {hi, lo - (hi - first)};
}

// 2^n (1 + m) = exp(x) for -746 <= x <= 0, m to about 2^-70 of itself:
//     exp(x) = 2^n (1 + m)^32,    m = exp(r) - 1 = r + r^2 / 2 + r^3 / 6 + ...,    r = (x - n ln 2) / 32
// Only the first two terms of m need two terms themselves: |r| <= 0.011.
struct PowerOf2 {
    double n;
    TwoTerms<double> m;
};

inline PowerOf2 exp_reduced_two_terms(TwoTerms<double> x) {
    constexpr double ln2_hi = 0x1.62e42fefa38p-1, ln2_mid = 0x1.ef35793c76p-45, ln2_lo = 0x1.cc01f97b57a08p-87;
    const double n = std::nearbyint(x.hi * 1.4426950408889634);
    TwoTerms<double> r = add(add({x.hi, x.lo}, {-n * ln2_hi, 0}), add({-n * ln2_mid, 0}, {-n * ln2_lo, 0}));
    r = {r.hi / 32, r.lo / 32};
    double rest = 0;  // r^3 (1 / 3! + r / 4! + ...), by Horner's rule
    for (int k = 10; k >= 3; --k) rest = (rest + 1) * r.hi / k;
    rest *= r.hi * r.hi / 2;
    const TwoTerms<double> square = product(r, r);
    TwoTerms<double> m = add(add({rest, 0}, {square.hi / 2, square.lo / 2}), r);
    for (int i = 0; i < 5; ++i) m = add({2 * m.hi, 2 * m.lo}, product(m, m));  // (1 + m)^2 - 1
    return {n, m};
}

// exp(x) for x <= 0, to about 2^-70; 0 below -746; NaN gives NaN.
inline TwoTerms<double> exp_two_terms(TwoTerms<double> x) {
    if (!(x.hi >= -746)) return {x.hi < 0 ? 0 : x.hi, 0};  // NaN gives NaN
    const PowerOf2 power = exp_reduced_two_terms(x);
    const TwoTerms<double> e = add({1, 0}, power.m);
    return {std::ldexp(e.hi, int(power.n)), std::ldexp(e.lo, int(power.n))};
}

// exp(x) - 1 for x <= 0, to about 2^-70 of itself.
inline TwoTerms<double> expm1_two_terms(TwoTerms<double> x) {
    if (x.hi > -0.25) return exp_reduced_two_terms(x).m;  // where n = 0
    const TwoTerms<double> e = exp_two_terms(x);
    return add(e, {-1, 0});
}

}  // namespace softgrad::SOFTGRAD_ISA
