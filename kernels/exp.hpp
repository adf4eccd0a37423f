// exp(z - max) for float and double: the one function that softmax is made of.
//
//     exp(x) = 2^n exp(r),    n = round(x / ln 2),    |r| <= ln(2) / 2
//
// exp(r) is its Taylor series, cut where the next term falls below a fifth of an ulp. x = z - max is rounded, and at
// x = -80 that rounding alone is worth 40 ulp of the result: so x comes in two terms, and the second is added to r.
#pragma once

#include <bit>
#include <cstdint>

namespace softgrad::SOFTGRAD_ISA {

template <class T> struct ExpConstants;

template <> struct ExpConstants<float> {
    using Int = int32_t;
    static constexpr int mantissa_bits = 23, bias = 127, terms = 7;
    static constexpr float underflow = -104;        // exp of anything below rounds to 0
    static constexpr float to_integer = 0x1.8p23f;  // x + to_integer holds round(x) in its last bits
    static constexpr float ln2_hi = 0x1.62e4p-1f;   // 15 bits: n * ln2_hi is exact
    static constexpr float ln2_lo = 0x1.7f7d1cp-20f;
};

template <> struct ExpConstants<double> {
    using Int = int64_t;
    static constexpr int mantissa_bits = 52, bias = 1023, terms = 13;
    static constexpr double underflow = -746;
    static constexpr double to_integer = 0x1.8p52;
    static constexpr double ln2_hi = 0x1.62e42fefa3p-1;  // 41 bits
    static constexpr double ln2_lo = 0x1.3de6af278ece6p-42;
};

constexpr double factorial(int k) { return k == 0 ? 1 : k * factorial(k - 1); }

// r^0 / k! + r^1 / (k + 1)! + ... + r^(n - k) / n!, by Horner's rule: with k = 0 the Taylor series of exp.
template <int k, int n, class T> [[gnu::always_inline]] inline T taylor(T r) {
    constexpr T coefficient = T(1 / factorial(k));
    if constexpr (k == n) {
        return coefficient;
    } else {
        return coefficient + r * taylor<k + 1, n>(r);
    }
}

// exp(hi + lo) for hi <= 0 and |lo| at most half an ulp of hi. NaN gives NaN, -inf gives 0; subnormals are rounded
// once.
template <class T> [[gnu::always_inline]] inline T exp_nonpositive(T hi, T lo) {
    using C = ExpConstants<T>;
    using Int = typename C::Int;
    constexpr T log2_e = T(1.4426950408889634);
    const bool underflows = hi < C::underflow;
    const T x = underflows ? C::underflow : hi;
    const T shifted = x * log2_e + C::to_integer;
    const T n = shifted - C::to_integer;
    const T r = ((x - n * C::ln2_hi) - n * C::ln2_lo) + (underflows ? T(0) : lo);

    // 2^n may be subnormal: multiply by 2^(n + 64), which never is, then by 2^-64, where the rounding happens.
    constexpr Int exponent_of_one = Int(C::bias + 64) - std::bit_cast<Int>(C::to_integer);
    const T scale = std::bit_cast<T>((std::bit_cast<Int>(shifted) + exponent_of_one) << C::mantissa_bits);
    return taylor<0, C::terms>(r) * scale * T(0x1p-64);
}

}  // namespace softgrad::SOFTGRAD_ISA
