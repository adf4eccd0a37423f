// log(1 + x) for x >= 0, in a form that vectorises.
//
//     u = 1 + x rounded, c = what the rounding lost:    log(1 + x) = log(u) + c / u
//     u = 2^n m, m in [sqrt(1/2), sqrt(2)):              log(u) = n ln 2 + log(m)
//     f = m - 1, s = f / (2 + f):                        log(m) = 2 (s + s^3 / 3 + s^5 / 5 + ...)
//     R = 2 (s^2 / 3 + s^4 / 5 + ...):                   log(m) = f - (f^2 / 2 - s (f^2 / 2 + R))
//
// In the last form what is rounded is small beside f, which is exact. Source: log1p of Sun's fdlibm (1993).
#pragma once

#include <type_traits>

#include "exp.hpp"

namespace softgrad::SOFTGRAD_ISA {

// s^(2k) / (2k + 1) + s^(2k + 2) / (2k + 3) + ..., to the term 2n: with k = 1, what atanh(s) / s has above 1.
template <int k, int n, class T> [[gnu::always_inline]] inline T atanh_series(T s2) {
    constexpr T coefficient = T(1.0 / (2 * k + 1));
    if constexpr (k == n) {
        return s2 * coefficient;
    } else {
        return s2 * (coefficient + atanh_series<k + 1, n>(s2));
    }
}

// NaN gives NaN; infinity does not occur.
template <class T> [[gnu::always_inline]] inline T log1p_nonnegative(T x) {
    using C = ExpConstants<T>;
    using Bits = std::make_unsigned_t<typename C::Int>;
    constexpr int terms = sizeof(T) == 4 ? 4 : 10;
    constexpr Bits sqrt_half = std::bit_cast<Bits>(T(0.7071067811865476));
    constexpr Bits integer = std::bit_cast<Bits>(C::to_integer);

    const T u = 1 + x;
    const T c = x >= 1 ? 1 - (u - x) : x - (u - 1);
    const Bits n = (std::bit_cast<Bits>(u) - sqrt_half) >> C::mantissa_bits;  // u >= 1, so n >= 0
    const T m = std::bit_cast<T>(std::bit_cast<Bits>(u) - (n << C::mantissa_bits));
    const T f = m - 1, s = f / (2 + f), half_square = f * f / 2;
    const T log_m_above_f = s * (half_square + 2 * atanh_series<1, terms>(s * s)) - half_square;
    const T exponent = std::bit_cast<T>(n + integer) - C::to_integer;
    return exponent * C::ln2_hi + (f + (log_m_above_f + (exponent * C::ln2_lo + c / u)));
}

}  // namespace softgrad::SOFTGRAD_ISA
