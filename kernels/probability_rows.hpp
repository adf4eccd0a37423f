// Are rows probabilities, as the products with the Jacobian of softmax take them? Logits given by mistake are not.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "exp.hpp"
#include "half_floats.hpp"
#include "shape.hpp"
#include "storage.hpp"
#include "sums.hpp"

namespace softgrad::SOFTGRAD_ISA {

// Entries at, at + step, ..., of which there are at most a group.
template <class T>
[[gnu::always_inline]] inline void read_entries(Source source, int64_t at, int64_t step, int64_t count, T* to) {
    if constexpr (std::is_same_v<T, float>) {
        if (source.storage != Storage::itself) {
            if (step == 1) return widen(source, at, count, to);
            const uint16_t* const bits = static_cast<const uint16_t*>(source.entries) + at;
            const bool wide_exponent = source.storage == Storage::bfloat16;
            for (int64_t l = 0; l < count; ++l) {
                to[l] = wide_exponent ? from_bfloat16(bits[l * step]) : from_float16(bits[l * step]);
            }
            return;
        }
    }
    const T* const entries = static_cast<const T*>(source.entries) + at;
    if (step == 1) return copy_padded(entries, 0, count, to);
    for (int64_t l = 0; l < count; ++l) to[l] = entries[l * step];
}

// The first of a few rows that holds something other than probabilities, or their logarithms; -1 if there is none.
//
// The first, the last and the middle row are read, but no more than one entry in 32 (in 512 where the classes are not
// last), or one row of up to 128 entries: it costs little beside a product. Of a longer row only the first entries are
// read. The rounding of the entries is tolerated, and so are NaN and rows of zeros, which a mask can leave.
template <class T> int64_t find_no_probabilities(Source source, Shape shape, bool logarithms) {
    // Entries of any dtype may have been rounded to 16 bits before. 16-bit probabilities below 2^-25 are 0; an error of
    // 2^-9 of a logarithm is multiplied by it.
    const double tolerance = 0.05 + double(shape.K) * 0x1p-24;
    const T zero = logarithms ? -std::numeric_limits<T>::infinity() : T(0);
    const T least = logarithms ? zero : T(-tolerance), most = T(logarithms ? std::log1p(tolerance) : 1 + tolerance);
    const T told_from = logarithms ? ExpConstants<T>::lowest : T(0);
    const int64_t rows = shape.rows(), share = (shape.inner == 1 ? 32 : 512) * (logarithms ? 4 : 1);
    int64_t left = std::max(std::min(shape.K, int64_t(128)), rows * shape.K / share);
    for (const int64_t row : {int64_t(0), rows - 1, rows / 2}) {
        if (rows == 0 || left <= 0) break;
        const int64_t count = std::min(left, shape.K);
        const int64_t first = row / shape.inner * shape.K * shape.inner + row % shape.inner;
        const bool is_whole = count == shape.K;  // part of a row has any sum
        Accumulator<T> total;
        int outside = 0, told = 0;
        for (int64_t start = 0; start < count; start += group<T>) {
            const int64_t entries = std::min(group<T>, count - start);
            alignas(64) T x[group<T>];
            read_entries(source, first + start * shape.inner, shape.inner, entries, x);
            for (int64_t l = entries; l < group<T>; ++l) x[l] = zero;
#pragma omp simd reduction(| : outside, told)
            for (int64_t l = 0; l < group<T>; ++l) {
                outside |= (x[l] < least) | (x[l] > most);
                told |= !(x[l] <= told_from);
            }
            if (!is_whole) continue;
            if (logarithms) {
#pragma omp simd
                for (int64_t l = 0; l < group<T>; ++l) x[l] = exp_nonpositive(x[l]);
            }
            total.add_group(x);
        }
        const double sum = double(total.total());
        if (outside || (is_whole && sum != 0 && std::abs(sum - 1) > tolerance)) return row;
        if (is_whole ? sum != 0 : told) left -= count;  // a row of zeros tells nothing
    }
    return -1;
}

}  // namespace softgrad::SOFTGRAD_ISA
