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
    const Scores<T> scores(below);
    RowWriter<T> writer(p, span.begin * span.K, in_buffers(span.K), span.rows * span.K);
    Exponentials<T> exponentials(reader, scores, &writer);
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
    const RowReader<T> reader(z, span.K);
    const Scores<T> scores(below);
    RowWriter<T> writer(log_p, span.begin * span.K, in_buffers(span.K), span.rows * span.K);
    Exponentials<T> exponentials(reader, scores, &writer);
    for (int64_t i = span.begin; i < span.end; ++i) {
        Background<T> background(reader, &writer, i, span.end);
        const Normalizer<T> n = exponentials.row(i, background);
        const T log_sum = T(n.log_sum()), inverse = below.inverse;
        over_stretches(span.K, [&](int64_t start, int64_t count) {
            const T* const row = start == exponentials.start ? exponentials.z : reader.at(i, start, count);
            T* const out = writer.buffer();
#pragma omp simd
            for (int64_t j = 0; j < count; ++j) out[j] = (row[j] - n.max) * inverse - log_sum;
            writer.put(count);
        });
    }
}

// Whether a row holds a NaN.
template <class T> [[gnu::noinline]] bool has_nan(const RowReader<T>& reader, int64_t i) {
    int nan = 0;
    over_stretches(reader.K(), [&](int64_t start, int64_t count) {
        const T* const row = reader.at(i, start, count);
        for (int64_t j = 0; j < count; ++j) nan |= row[j] != row[j];
    });
    return nan;
}

// log of the sum of exp(s_j) = s_max + log(sum). An infinite maximum is the answer itself, unless the row holds a NaN.
template <class T> void logsumexp_rows(Source z, Sink lse, Span span, const ExpBelow<T>& below) {
    const RowReader<T> reader(z, span.K);
    const Scores<T> scores(below);
    RowWriter<T> writer(lse, span.begin, 1, span.rows);
    Exponentials<T> exponentials(reader, scores, nullptr);
    for (int64_t i = span.begin; i < span.end; ++i) {
        Background<T> background(reader, nullptr, i, span.end);
        const Normalizer<T> n = exponentials.row(i, background);
        T* const value = writer.buffer();
        if (!std::isinf(n.max)) {
            *value = T(n.max / Wide<T>(below.temperature) + n.log_sum());
        } else {
            *value = has_nan(reader, i) ? std::numeric_limits<T>::quiet_NaN() : n.max;
        }
        writer.put(1);
    }
}

// A row of two arrays: all of it, or of a long row a stretch at a time.
template <class T> class Pair {
  public:
    Pair(const RowReader<T>& xs, const RowReader<T>& ys, RowWriter<T>& out) : xs_(xs), ys_(ys), out_(out) {}

    void row(int64_t i, Background<T>& background) {
        row_ = i, background_ = &background;
        if (xs_.K() <= long_row) start_ = 0, x_ = xs_.row(i), y_ = ys_.row(i);
    }

    T x(int64_t j) const { return x_[j - start_]; }
    T y(int64_t j) const { return y_[j - start_]; }

    // The sum of term(j), which may read x(j) and y(j).
    template <class Term> [[gnu::always_inline]] Wide<T> sum(Term term) {
        Accumulator<T> total;
        over_stretches(xs_.K(), [&](int64_t start, int64_t count) {
            read(start, count);
            add_terms(start, start + count, total, term, background_);
        });
        background_ = nullptr;
        return total.total();
    }

    // Writes entry(j), which may read x(j) and y(j).
    template <class Entry> [[gnu::always_inline]] void write(Entry entry) {
        over_stretches(xs_.K(), [&](int64_t start, int64_t count) {
            read(start, count);
            T* const to = out_.buffer();
#pragma omp simd
            for (int64_t j = 0; j < count; ++j) to[j] = entry(start + j);
            out_.put(count);
        });
    }

  private:
    void read(int64_t start, int64_t count) {
        if (xs_.K() <= long_row) return;
        start_ = start, x_ = xs_.at(row_, start, count), y_ = ys_.at(row_, start, count);
    }

    const RowReader<T>&xs_, &ys_;
    RowWriter<T>& out_;
    Background<T>* background_ = nullptr;  // of the first sum of a row
    const T *x_ = nullptr, *y_ = nullptr;
    int64_t row_ = 0, start_ = 0;
};

// Calls work(row) for each row of two arrays, which writes to `out`.
template <class T, class Work>
[[gnu::always_inline]] inline void over_pairs(Source x, Source y, Sink out, Span span, Work work) {
    const RowReader<T> xs(x, span.K), ys(y, span.K);
    RowWriter<T> writer(out, span.begin * span.K, in_buffers(span.K), span.rows * span.K);
    Pair<T> row(xs, ys, writer);
    for (int64_t i = span.begin; i < span.end; ++i) {
        Background<T> background(xs, ys, &writer, i, span.end);
        row.row(i, background);
        work(row);
    }
}

// dz = J^T dp with J = diag(p) - p p^T, hence dz_k = p_k (dp_k - sum_j dp_j p_j), times ds/dz = scale. J is symmetric:
// J dz is the same.
template <class T> void softmax_vjp_rows(Source p, Source dp, Sink dz, Span span, T scale) {
    over_pairs<T>(p, dp, dz, span, [=](Pair<T>& row) {
        const T inner = T(row.sum([&](int64_t j) { return row.y(j) * row.x(j); }));
        row.write([&](int64_t j) { return scale * (row.x(j) * (row.y(j) - inner)); });
    });
}

// y = log p has dy_j/dz_k = delta_jk - p_k, hence dz_k = dy_k - p_k sum_j dy_j, times ds/dz = scale.
template <class T> void log_softmax_vjp_rows(Source log_p, Source dy, Sink dz, Span span, T scale) {
    over_pairs<T>(log_p, dy, dz, span, [=](Pair<T>& row) {
        const T sum = T(row.sum([&](int64_t j) { return row.y(j); }));
        row.write([&](int64_t j) { return scale * (row.y(j) - exp_nonpositive(row.x(j)) * sum); });
    });
}

// The product the other way: dy_j = dz_j - sum_k p_k dz_k, times ds/dz = scale.
template <class T> void log_softmax_jvp_rows(Source log_p, Source dz, Sink dy, Span span, T scale) {
    over_pairs<T>(log_p, dz, dy, span, [=](Pair<T>& row) {
        const T inner = T(row.sum([&](int64_t j) { return exp_nonpositive(row.x(j)) * row.y(j); }));
        row.write([&](int64_t j) { return scale * (row.y(j) - inner); });
    });
}

}  // namespace softgrad::SOFTGRAD_ISA
