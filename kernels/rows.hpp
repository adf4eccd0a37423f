// What every row needs: sums that stay accurate however long the row is, the maximum, and the exponentials.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "exp.hpp"

namespace softgrad::SOFTGRAD_ISA {

// What sums are carried in, and what a row's few scalars are computed in.
template <class T> using Wide = std::conditional_t<std::is_same_v<T, float>, double, long double>;

// The sum of n terms, a power of 2, which it overwrites: each goes through log2(n) additions. One term after the other
// would be off by up to half an ulp per addition where terms are equal, all in one direction.
template <int64_t n, class T> [[gnu::always_inline]] inline T sum_by_halves(T* terms) {
    if constexpr (n == 1) {
        return terms[0];
    } else {
#pragma omp simd
        for (int64_t j = 0; j < n / 2; ++j) terms[j] += terms[j + n / 2];
        return sum_by_halves<n / 2>(terms);
    }
}

// The sum of term(j) over a row: blocks by halves in T, which vectorises, and their sums in a wider type. A term may
// also write its entry: one pass over the row serves both.
template <class T, class Term> [[gnu::always_inline]] inline Wide<T> sum_over(int64_t K, Term term) {
    constexpr int64_t block = 64;
    Wide<T> total = 0;
    int64_t start = 0;
    for (; start + block <= K; start += block) {
        T terms[block];
#pragma omp simd
        for (int64_t j = 0; j < block; ++j) terms[j] = term(start + j);
        total += sum_by_halves<block>(terms);
    }
    if (start < K) {
        T terms[block] = {};
#pragma omp simd
        for (int64_t j = start; j < K; ++j) terms[j - start] = term(j);
        total += sum_by_halves<block>(terms);
    }
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
    T max;
    Wide<T> others;  // sum of exp(z_j - max) over all j but one that attains the maximum
    Wide<T> sum() const { return 1 + others; }
    Wide<T> log_sum() const { return std::log1p(others); }
};

constexpr auto discard = [](int64_t, auto) {};

// Hands each e_j = exp(z_j - max) to store(j, e_j), which may be `discard`, and returns their normalizer. An infinite
// maximum makes it NaN, as exp(inf - inf) is.
template <class T, class Store>
[[gnu::always_inline]] inline Normalizer<T> exponentials(const T* z, int64_t K, Store store) {
    const T max = maximum(z, K);
    const Wide<T> below = sum_over<T>(K, [=](int64_t j) {
        const T e = exp_difference(z[j], max);
        store(j, e);
        return z[j] == max ? T(0) : e;
    });
    const Wide<T> attained = sum_over<T>(K, [=](int64_t j) { return z[j] == max ? T(1) : T(0); });
    return {max, below + (attained - 1) + (max - max)};
}

}  // namespace softgrad::SOFTGRAD_ISA
