// softmax, log_softmax and logsumexp by rows.
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
    const RowReader<T> reader(z, span.K, 2);
    const Scores<T> scores(below);
    RowWriter<T> writer(p, span.begin * span.K, in_buffers(span.K), span.rows * span.K);
    Exponentials<T> exponentials(reader, scores, &writer, span.end);
    for (int64_t i = span.begin; i < span.end; ++i) {
        Background<T> background(reader, &writer, i, span.end);
        const Normalizer<T> n = exponentials.row(i, background);
        over_stretches(span.K, [&](int64_t start, int64_t count) {
            exponentials.stretch(start, count);
            put_exponentials<T>(writer, count, 1 / n.sum());
        });
    }
}

// log p_j = (s_j - s_max) - log(sum): two terms of the same sign.
template <class T> void log_softmax_rows(Source z, Sink log_p, Span span, const ExpBelow<T>& below) {
    const RowReader<T> reader(z, span.K, 2);
    const Scores<T> scores(below);
    RowWriter<T> writer(log_p, span.begin * span.K, in_buffers(span.K), span.rows * span.K, false);
    Exponentials<T> exponentials(reader, scores, nullptr, span.end);
    for (int64_t i = span.begin; i < span.end; ++i) {
        Background<T> background(reader, &writer, i, span.end);
        const Normalizer<T> n = exponentials.row(i, background);
        const T log_sum = T(n.log_sum()), max = n.max, inverse = below.inverse;
        over_stretches(span.K, [&](int64_t start, int64_t count) {
            const T* const row = span.K <= long_row ? exponentials.z : reader.at(i, start, count);
            const auto entry = [=](auto z) { return (z - max) * inverse - log_sum; };
            with_storage<T>(log_p.storage, [&]<Storage storage> {
                constexpr int n = vector_bytes / sizeof(T);
                writer.template write<storage>(
                    count, [=](int64_t j) { return entry(read_entries<Storage::itself, T, n>(row + j)); },
                    [=](int64_t j) { return entry(row[j]); });
            });
        });
    }
}

// log of the sum of exp(s_j) = s_max + log(sum). An infinite maximum is the answer itself, unless the row holds a NaN.
template <class T> void logsumexp_rows(Source z, Sink lse, Span span, const ExpBelow<T>& below) {
    const RowReader<T> reader(z, span.K, 2);
    const Scores<T> scores(below);
    RowWriter<T> writer(lse, span.begin, 1, span.rows);
    Exponentials<T> exponentials(reader, scores, nullptr, span.end);
    for (int64_t i = span.begin; i < span.end; ++i) {
        Background<T> background(reader, nullptr, i, span.end);
        const Normalizer<T> n = exponentials.row(i, background);
        T* const value = writer.buffer();
        if (!std::isinf(n.max)) {
            *value = T(n.max / Wide<T>(below.temperature) + n.log_sum());
        } else {
            *value = exponentials.has_nan() ? std::numeric_limits<T>::quiet_NaN() : n.max;
        }
        writer.put(1);
    }
}

}  // namespace softgrad::SOFTGRAD_ISA
