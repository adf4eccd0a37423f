// softmax, log_softmax and logsumexp, and the vector-Jacobian products of the first two: by rows.
#pragma once

#include "buffer.hpp"
#include "rows.hpp"
#include "stream.hpp"

namespace softgrad::SOFTGRAD_ISA {

// p_j = e_j / sum, with e_j = exp(s_j - s_max) so that exp never overflows.
template <class T, class Scores> void softmax_rows(const T* z, T* p, int64_t N, int64_t K, Scores scores) {
    const Buffer<T> e(K);
    RowWriter<T> writer(p, N * K * int64_t(sizeof(T)) >= streamed_from);
    for (; N > 0; --N, z += K) {
        const Normalizer<T> n = exponentials(z, K, scores, [&](int64_t j, T x) { e.entries[j] = x; });
        const T factor = T(1 / n.sum());
        compute_row(e.entries, K, [&](int64_t j) { return e.entries[j] * factor; });
        writer.row(e.entries, K);
    }
}

// log p_j = (s_j - s_max) - log(sum): two terms of the same sign.
template <class T, class Scores> void log_softmax_rows(const T* z, T* log_p, int64_t N, int64_t K, Scores scores) {
    const Buffer<T> e(K);
    RowWriter<T> writer(log_p, N * K * int64_t(sizeof(T)) >= streamed_from);
    for (; N > 0; --N, z += K) {
        const Normalizer<T> n = exponentials(z, K, scores, discard);
        const T log_sum = T(n.log_sum());
        compute_row(e.entries, K, [&](int64_t j) { return scores.difference(z[j], n.max).hi - log_sum; });
        writer.row(e.entries, K);
    }
}

// log of the sum of exp(s_j) = s_max + log(sum). An infinite maximum is the answer itself, unless the row holds a NaN.
template <class T, class Scores> void logsumexp_rows(const T* z, T* lse, int64_t N, int64_t K, Scores scores) {
    for (; N > 0; --N, z += K, ++lse) {
        const Normalizer<T> n = exponentials(z, K, scores, discard);
        if (!std::isinf(n.max)) {
            *lse = T(scores.value(n.max) + n.log_sum());
        } else {
            const T nan_or_0 = T(sum_over<T>(K, [=](int64_t j) { return z[j] == z[j] ? T(0) : z[j]; }));
            *lse = T(scores.value(n.max)) + nan_or_0;
        }
    }
}

// dz = J^T dp with J = diag(p) - p p^T, hence dz_k = p_k (dp_k - sum_j dp_j p_j), times ds/dz = scale. J is symmetric:
// J dz is the same.
template <class T> void softmax_vjp_rows(const T* p, const T* dp, T* dz, int64_t N, int64_t K, T scale) {
    const Buffer<T> e(K);
    RowWriter<T> writer(dz, N * K * int64_t(sizeof(T)) >= streamed_from);
    for (; N > 0; --N, p += K, dp += K) {
        const T inner = T(sum_over<T>(K, [=](int64_t j) { return dp[j] * p[j]; }));
        compute_row(e.entries, K, [=](int64_t j) { return scale * (p[j] * (dp[j] - inner)); });
        writer.row(e.entries, K);
    }
}

// y = log p has dy_j/dz_k = delta_jk - p_k, hence dz_k = dy_k - p_k sum_j dy_j, times ds/dz = scale.
template <class T> void log_softmax_vjp_rows(const T* log_p, const T* dy, T* dz, int64_t N, int64_t K, T scale) {
    const Buffer<T> e(K);
    RowWriter<T> writer(dz, N * K * int64_t(sizeof(T)) >= streamed_from);
    for (; N > 0; --N, log_p += K, dy += K) {
        const T sum = T(sum_over<T>(K, [=](int64_t j) { return dy[j]; }));
        compute_row(e.entries, K, [=](int64_t j) { return scale * (dy[j] - exp_nonpositive(log_p[j], T(0)) * sum); });
        writer.row(e.entries, K);
    }
}

// The product the other way: dy_j = dz_j - sum_k p_k dz_k, times ds/dz = scale.
template <class T> void log_softmax_jvp_rows(const T* log_p, const T* dz, T* dy, int64_t N, int64_t K, T scale) {
    const Buffer<T> e(K);
    RowWriter<T> writer(dy, N * K * int64_t(sizeof(T)) >= streamed_from);
    for (; N > 0; --N, log_p += K, dz += K) {
        const T inner = T(sum_over<T>(K, [=](int64_t j) { return exp_nonpositive(log_p[j], T(0)) * dz[j]; }));
        compute_row(e.entries, K, [=](int64_t j) { return scale * (dz[j] - inner); });
        writer.row(e.entries, K);
    }
}

}  // namespace softgrad::SOFTGRAD_ISA
