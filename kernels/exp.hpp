// exp for float and double: the one function that softmax is made of.
//
//     exp(x) = 2^n exp(r),    n = round(x / ln 2),    |r| <= ln(2) / 2
//     exp(r) = 1 + r + r^2 q(r)
//
// q is the polynomial with the least relative error of exp(r): 0.05 ulp for float, 0.03 ulp for double, found by Remez'
// exchange in 60 digits. With the first two coefficients 1, exp(0) is exactly 1.
//
// The exponentials of a row are kept in units of 2^-64, which is times 2^64: the smallest of those that count is then a
// normal number. A probability that is subnormal is rounded once, when the factor is divided out.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <iterator>

namespace softgrad::SOFTGRAD_ISA {

#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
constexpr bool has_fma = true;
#else
constexpr bool has_fma = false;
#endif

template <class T> constexpr T unit = T(0x1p64);

template <class T> struct ExpConstants;

template <> struct ExpConstants<float> {
    using Int = int32_t;
    static constexpr int mantissa_bits = 23, bias = 127;
    static constexpr float lowest =
        -0x1.08c84p7f;  // -191 ln 2: at 2^-191 the exponent in units is all 0, and so is exp
    static constexpr float to_integer = 0x1.8p23f;  // x + to_integer holds round(x) in its last bits
    static constexpr float ln2_hi = 0x1.62e4p-1f;   // 15 bits: n * ln2_hi is exact
    static constexpr float ln2_lo = 0x1.7f7d1cp-20f;
    static constexpr float q[] = {0x1.fffffcp-2f, 0x1.555492p-3f, 0x1.5558f2p-5f, 0x1.123a2p-7f, 0x1.6a23dp-10f};
};

template <> struct ExpConstants<double> {
    using Int = int64_t;
    static constexpr int mantissa_bits = 52, bias = 1023;
    static constexpr double lowest = -0x1.78b9b9e2a1effp9;  // -1087 ln 2
    static constexpr double to_integer = 0x1.8p52;
    static constexpr double ln2_hi = 0x1.62e42fefa3p-1;  // 41 bits
    static constexpr double ln2_lo = 0x1.3de6af278ece6p-42;
    static constexpr double q[] = {0x1.000000000000ap-1,  0x1.55555555554f9p-3,  0x1.555555555083ep-5,
                                   0x1.1111111127d0ep-7,  0x1.6c16c18438b08p-10, 0x1.a01a012a0f351p-13,
                                   0x1.a01999e2633fdp-16, 0x1.71df25b3100a2p-19, 0x1.28ad9b8551757p-22,
                                   0x1.ad7f3ee016e7dp-26};
};

// q_k + r (q_{k+1} + r (...)), by Horner's rule.
template <class T, int k = 0> [[gnu::always_inline]] inline T horner(T r) {
    constexpr T coefficient = ExpConstants<T>::q[k];
    if constexpr (k + 1 == int(std::size(ExpConstants<T>::q))) {
        return coefficient;
    } else {
        return coefficient + r * horner<T, k + 1>(r);
    }
}

template <class T> [[gnu::always_inline]] inline T exp_reduced(T r) { return T(1) + r * (T(1) + r * horner(r)); }

// `shifted` is n + to_integer + bias + 64: its last bits, moved up, are those of 2^n in units.
template <class T> constexpr T to_exponent = ExpConstants<T>::to_integer + ExpConstants<T>::bias + 64;

template <class T> [[gnu::always_inline]] inline T power_of_2(T shifted) {
    using Int = typename ExpConstants<T>::Int;
    return std::bit_cast<T>(std::bit_cast<Int>(shifted) << ExpConstants<T>::mantissa_bits);
}

// exp(hi + lo) in units, for hi <= 0 and |lo| at most half an ulp of hi; 0 from `lowest` down. NaN gives NaN.
template <class T> [[gnu::always_inline]] inline T exp_in_units(T hi, T lo) {
    using C = ExpConstants<T>;
    const bool too_low = hi < C::lowest;
    const T x = too_low ? C::lowest : hi;
    const T shifted = x * T(1.4426950408889634) + to_exponent<T>;
    const T n = shifted - to_exponent<T>;
    const T r = ((x - n * C::ln2_hi) - n * C::ln2_lo) + (too_low ? T(0) : lo);
    return exp_reduced(r) * power_of_2(shifted);
}

// exp(x) for x <= 0; a subnormal result is rounded once.
template <class T> [[gnu::always_inline]] inline T exp_nonpositive(T x) {
    return exp_in_units(x, T(0)) * (1 / unit<T>);
}

// 1 - exp(x) for log(1/2) <= x <= 0, without the cancellation near 0: with r = x / 2 and E = exp(r) - 1,
//     1 - exp(x) = -E (2 + E),    E = r + r^2 q(r)
template <class T> constexpr T log_half = T(-0.6931471805599453);
template <class T> [[gnu::always_inline]] inline T one_minus_exp(T x) {
    const T r = x / 2, E = r * (T(1) + r * horner(r));
    return -E * (2 + E);
}

}  // namespace softgrad::SOFTGRAD_ISA
