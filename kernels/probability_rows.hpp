// Are rows probabilities, as the products with the Jacobian of softmax take them? Logits given by mistake are not.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "half_floats.hpp"
#include "shape.hpp"
#include "storage.hpp"

namespace softgrad::SOFTGRAD_ISA {

// The first of a few rows that holds something other than probabilities, or their logarithms; -1 if there is none.
//
// The first, the last and the middle row are read, but no more than one entry in 32 (in 512 where the classes are not
// last), or one row of up to 128 entries: it costs little beside a product. Of a longer row only the first entries are
// read. Tolerated are the rounding of the entries, rows of zeros, which a mask can leave, and NaN.
template <class E> int64_t find_no_probabilities(Source source, Shape shape, bool logarithms) {
    const E* const entries = static_cast<const E*>(source.entries);
    const auto entry = [=](int64_t i) {
        if constexpr (std::is_same_v<E, uint16_t>) {
            return source.storage == Storage::bfloat16 ? from_bfloat16(entries[i]) : from_float16(entries[i]);
        } else {
            return entries[i];
        }
    };
    // Entries of any dtype may have been rounded to 16 bits before. 16-bit probabilities below 2^-25 are 0; an error of
    // 2^-9 of a logarithm is multiplied by it.
    const double tolerance = 0.05 + double(shape.K) * 0x1p-24;
    const int64_t rows = shape.rows(), share = (shape.inner == 1 ? 32 : 512) * (logarithms ? 4 : 1);
    int64_t left = std::max(std::min(shape.K, int64_t(128)), rows * shape.K / share);
    for (const int64_t row : {int64_t(0), rows - 1, rows / 2}) {
        if (rows == 0 || left <= 0) break;
        const int64_t count = std::min(left, shape.K);
        const int64_t first = row / shape.inner * shape.K * shape.inner + row % shape.inner;
        if (logarithms && count < shape.K) {  // part of a row has any sum: its largest entry says all
            auto largest = -std::numeric_limits<decltype(entry(0))>::infinity();
            bool has_nan = false;
            for (int64_t j = 0; j < count; ++j) {
                const auto y = entry(first + j * shape.inner);
                largest = y > largest ? y : largest;
                has_nan |= y != y;
            }
            const double p = std::exp(largest);
            if (p > 1 + tolerance) return row;
            if (p != 0 || has_nan) left -= count;
            continue;
        }
        double sums[4] = {0, 0, 0, 0};  // added side by side, which is faster
        bool outside = false;
        for (int64_t j = 0; j < count; ++j) {
            const auto x = entry(first + j * shape.inner);
            const double p = logarithms ? std::exp(x) : x;
            outside |= p < -tolerance || p > 1 + tolerance;
            sums[j % 4] += p;
        }
        const double sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
        if (outside || (count == shape.K && sum != 0 && std::abs(sum - 1) > tolerance)) return row;
        if (sum != 0) left -= count;  // a row of zeros tells nothing
    }
    return -1;
}

}  // namespace softgrad::SOFTGRAD_ISA
