// softmax, log_softmax and logsumexp by rows, and the vector-Jacobian products of the first two.
#pragma once

#include "rows.hpp"

namespace softgrad::SOFTGRAD_ISA {

// p_j = e_j / sum, with e_j = exp(z_j - max) so that exp never overflows.
template <class T> void softmax(const T* z, T* p, int64_t N, int64_t K) {
    for (; N > 0; --N, z += K, p += K) {
        const Normalizer<T> n = exponentials(z, K, [=](int64_t j, T e) { p[j] = e; });
        const T factor = T(1 / n.sum());
#pragma omp simd
        for (int64_t j = 0; j < K; ++j) p[j] *= factor;
    }
}

// log p_j = (z_j - max) - log(sum): two terms of the same sign.
template <class T> void log_softmax(const T* z, T* log_p, int64_t N, int64_t K) {
    for (; N > 0; --N, z += K, log_p += K) {
        const Normalizer<T> n = exponentials(z, K, discard);
        const T log_sum = T(n.log_sum());
#pragma omp simd
        for (int64_t j = 0; j < K; ++j) log_p[j] = (z[j] - n.max) - log_sum;
    }
}

// log of the sum of exp(z_j) = max + log(sum). An infinite maximum is the answer itself, unless the row holds a NaN.
template <class T> void logsumexp(const T* z, T* lse, int64_t N, int64_t K) {
    for (; N > 0; --N, z += K, ++lse) {
        const Normalizer<T> n = exponentials(z, K, discard);
        if (!std::isinf(n.max)) {
            *lse = T(n.max + n.log_sum());
        } else {
            *lse = n.max + T(sum_over<T>(K, [=](int64_t j) { return z[j] == z[j] ? T(0) : z[j]; }));
        }
    }
}

// dz = J^T dp with J = diag(p) - p p^T, hence dz_k = p_k (dp_k - sum_j dp_j p_j). J is symmetric: J dz is the same.
template <class T> void softmax_vjp(const T* p, const T* dp, T* dz, int64_t N, int64_t K) {
    for (; N > 0; --N, p += K, dp += K, dz += K) {
        const T inner = T(sum_over<T>(K, [=](int64_t j) { return dp[j] * p[j]; }));
#pragma omp simd
        for (int64_t j = 0; j < K; ++j) dz[j] = p[j] * (dp[j] - inner);
    }
}

// y = log p has dy_j/dz_k = delta_jk - p_k, hence dz_k = dy_k - p_k sum_j dy_j.
template <class T> void log_softmax_vjp(const T* log_p, const T* dy, T* dz, int64_t N, int64_t K) {
    for (; N > 0; --N, log_p += K, dy += K, dz += K) {
        const T sum = T(sum_over<T>(K, [=](int64_t j) { return dy[j]; }));
#pragma omp simd
        for (int64_t j = 0; j < K; ++j) dz[j] = dy[j] - exp_nonpositive(log_p[j], T(0)) * sum;
    }
}

// The product the other way: dy_j = dz_j - sum_k p_k dz_k.
template <class T> void log_softmax_jvp(const T* log_p, const T* dz, T* dy, int64_t N, int64_t K) {
    for (; N > 0; --N, log_p += K, dz += K, dy += K) {
        const T inner = T(sum_over<T>(K, [=](int64_t j) { return exp_nonpositive(log_p[j], T(0)) * dz[j]; }));
#pragma omp simd
        for (int64_t j = 0; j < K; ++j) dy[j] = dz[j] - inner;
    }
}

}  // namespace softgrad::SOFTGRAD_ISA
