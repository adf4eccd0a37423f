// What every row needs: sums that stay accurate however long the row is, the maximum, and the exponentials.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "exp.hpp"
#include "scores.hpp"

namespace softgrad::SOFTGRAD_ISA {

// The sum of term(j) over a row. Each lane adds up short runs in T, so that little is lost, and its runs in a wider
// type; that the lanes are written out makes the sum the same on every instruction set that rounds its terms alike. A
// term may also write its entry: that makes the one pass over the row serve both.
template <class T, class Term> [[gnu::always_inline]] inline Wide<T> sum_over(int64_t K, Term term) {
    constexpr int64_t lanes = 128 / sizeof(T), run = 4 * lanes;
    Wide<T> totals[lanes] = {};
    T sums[lanes];
    int64_t j = 0;
    for (; j + run <= K; j += run) {
        for (int64_t l = 0; l < lanes; ++l) sums[l] = 0;
        for (int64_t start = j; start < j + run; start += lanes) {
#pragma omp simd
            for (int64_t l = 0; l < lanes; ++l) sums[l] += term(start + l);
        }
        for (int64_t l = 0; l < lanes; ++l) totals[l] += sums[l];
    }
    Wide<T> total = 0;
    for (int64_t l = 0; l < lanes; ++l) total += totals[l], sums[l] = 0;
    for (; j + lanes <= K; j += lanes) {
#pragma omp simd
        for (int64_t l = 0; l < lanes; ++l) sums[l] += term(j + l);
    }
#pragma omp simd
    for (int64_t l = 0; l < K - j; ++l) sums[l] += term(j + l);
    for (int64_t l = 0; l < lanes; ++l) total += sums[l];
    return total;
}

// NaN is passed over here: it reaches the result through the exponentials.
template <class T> [[gnu::always_inline]] inline T maximum(const T* z, int64_t K) {
    T max = -std::numeric_limits<T>::infinity();
#pragma omp simd reduction(max : max)
    for (int64_t j = 0; j < K; ++j) max = z[j] > max ? z[j] : max;
    return max;
}

// The scalars of one row's softmax. The largest exponential is exactly 1; leaving one such term out of the sum keeps
// what a confident row is about: log(sum) = log1p(others), and p - 1 = -others / sum, without cancellation.
template <class T> struct Normalizer {
    T max;           // the largest logit
    Wide<T> others;  // sum of exp(s_j - s_max) over all j but one that attains the maximum
    Wide<T> sum() const { return 1 + others; }
    Wide<T> log_sum() const { return std::log1p(others); }
};

constexpr auto discard = [](int64_t, auto) {};

// Hands each e_j = exp(s_j - s_max) to store(j, e_j), which may be `discard`, and returns their normalizer. An infinite
// maximum makes it NaN, as exp(inf - inf) is.
template <class T, class Scores, class Store>
[[gnu::always_inline]] inline Normalizer<T> exponentials(const T* z, int64_t K, Scores scores, Store store) {
    const T max = maximum(z, K);
    const Wide<T> sum = sum_over<T>(K, [=](int64_t j) {
        const T e = exp_below(scores, z[j], max);
        store(j, e);
        return e;
    });
    if (sum >= 2) return {max, sum - 1};  // at worst one bit is lost

    const Wide<T> below = sum_over<T>(K, [=](int64_t j) { return z[j] == max ? T(0) : exp_below(scores, z[j], max); });
    const Wide<T> attained = sum_over<T>(K, [=](int64_t j) { return z[j] == max ? T(1) : T(0); });
    return {max, below + (attained - 1) + (max - max)};
}

}  // namespace softgrad::SOFTGRAD_ISA
