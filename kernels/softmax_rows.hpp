// softmax, log_softmax and logsumexp, and the vector-Jacobian products of the first two: by rows.
#pragma once

#include "row_exponentials.hpp"
#include "shape.hpp"

namespace softgrad::SOFTGRAD_ISA {

// Rows begin..end-1 of arrays (rows, K).
struct Span {
    int64_t rows, K, begin, end;
    Shape shape() const { return {rows, K, 1}; }
};

// p_j = e_j / sum, with e_j = exp(s_j - s_max) so that exp never overflows.
template <class T> void softmax_rows(Source z, Sink p, Span span, const ExpBelow<T>& below) {
    const RowReader<T> reader(z, span.K);
    RowWriter<T> writer(p, span.begin * span.K, span.K, span.rows * span.K);
    for (int64_t i = span.begin; i < span.end; ++i) {
        Background<T> background(reader, &writer, i, span.end);
        const Normalizer<T> n = exponentials(reader.row(i), span.K, below, writer.buffer(), background);
        put_exponentials<T>(writer, span.K, 1 / n.sum());
    }
}

// log p_j = (s_j - s_max) - log(sum): two terms of the same sign.
template <class T> void log_softmax_rows(Source z, Sink log_p, Span span, const ExpBelow<T>& below) {
    const RowReader<T> reader(z, span.K);
    RowWriter<T> writer(log_p, span.begin * span.K, span.K, span.rows * span.K);
    for (int64_t i = span.begin; i < span.end; ++i) {
        const T* const row = reader.row(i);
        T* const out = writer.buffer();
        Background<T> background(reader, &writer, i, span.end);
        const Normalizer<T> n = exponentials(row, span.K, below, out, background);
        const T log_sum = T(n.log_sum()), inverse = below.inverse;
#pragma omp simd
        for (int64_t j = 0; j < span.K; ++j) out[j] = (row[j] - n.max) * inverse - log_sum;
        writer.put(span.K);
    }
}

// log of the sum of exp(s_j) = s_max + log(sum). An infinite maximum is the answer itself, unless the row holds a NaN.
template <class T> void logsumexp_rows(Source z, Sink lse, Span span, const ExpBelow<T>& below) {
    const RowReader<T> reader(z, span.K);
    RowWriter<T> writer(lse, span.begin, 1, span.rows);
    const Buffer<T> e(span.K);
    for (int64_t i = span.begin; i < span.end; ++i) {
        const T* const row = reader.row(i);
        Background<T> background(reader, nullptr, i, span.end);
        const Normalizer<T> n = exponentials(row, span.K, below, e.entries, background);
        T* const value = writer.buffer();
        if (!std::isinf(n.max)) {
            *value = T(n.max / Wide<T>(below.temperature) + n.log_sum());
        } else {
            *value = n.max + T(sum_over<T>(span.K, [=](int64_t j) { return row[j] == row[j] ? T(0) : row[j]; }));
        }
        writer.put(1);
    }
}

// Calls row(x, y, out, background) for each row of two arrays, and writes what it leaves in `out`.
template <class T, class Row>
[[gnu::always_inline]] inline void over_pairs(Source x, Source y, Sink out, Span span, Row row) {
    const RowReader<T> xs(x, span.K), ys(y, span.K);
    RowWriter<T> writer(out, span.begin * span.K, span.K, span.rows * span.K);
    for (int64_t i = span.begin; i < span.end; ++i) {
        Background<T> background(xs, ys, &writer, i, span.end);
        row(xs.row(i), ys.row(i), writer.buffer(), background);
        writer.put(span.K);
    }
}

// dz = J^T dp with J = diag(p) - p p^T, hence dz_k = p_k (dp_k - sum_j dp_j p_j), times ds/dz = scale. J is symmetric:
// J dz is the same.
template <class T> void softmax_vjp_rows(Source p, Source dp, Sink dz, Span span, T scale) {
    over_pairs<T>(p, dp, dz, span, [=](const T* p, const T* dp, T* dz, Background<T>& background) {
        const T inner = T(sum_over<T>(
            span.K, [=](int64_t j) { return dp[j] * p[j]; }, &background));
#pragma omp simd
        for (int64_t j = 0; j < span.K; ++j) dz[j] = scale * (p[j] * (dp[j] - inner));
    });
}

// y = log p has dy_j/dz_k = delta_jk - p_k, hence dz_k = dy_k - p_k sum_j dy_j, times ds/dz = scale.
template <class T> void log_softmax_vjp_rows(Source log_p, Source dy, Sink dz, Span span, T scale) {
    over_pairs<T>(log_p, dy, dz, span, [=](const T* log_p, const T* dy, T* dz, Background<T>& background) {
        const T sum = T(sum_over<T>(
            span.K, [=](int64_t j) { return dy[j]; }, &background));
#pragma omp simd
        for (int64_t j = 0; j < span.K; ++j) dz[j] = scale * (dy[j] - exp_nonpositive(log_p[j]) * sum);
    });
}

// The product the other way: dy_j = dz_j - sum_k p_k dz_k, times ds/dz = scale.
template <class T> void log_softmax_jvp_rows(Source log_p, Source dz, Sink dy, Span span, T scale) {
    over_pairs<T>(log_p, dz, dy, span, [=](const T* log_p, const T* dz, T* dy, Background<T>& background) {
        const T inner = T(sum_over<T>(
            span.K, [=](int64_t j) { return exp_nonpositive(log_p[j]) * dz[j]; }, &background));
#pragma omp simd
        for (int64_t j = 0; j < span.K; ++j) dy[j] = scale * (dz[j] - inner);
    });
}

}  // namespace softgrad::SOFTGRAD_ISA
