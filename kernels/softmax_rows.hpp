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
    RowWriter<T> writer(log_p, span.begin * span.K, in_buffers(span.K), span.rows * span.K);
    Exponentials<T> exponentials(reader, scores, &writer, span.end);
    for (int64_t i = span.begin; i < span.end; ++i) {
        Background<T> background(reader, &writer, i, span.end);
        const Normalizer<T> n = exponentials.row(i, background);
        const T log_sum = T(n.log_sum()), inverse = below.inverse;
        over_stretches(span.K, [&](int64_t start, int64_t count) {
            const T* const row = span.K <= long_row ? exponentials.z : reader.at(i, start, count);
            T* const out = writer.place();
#pragma omp simd
            for (int64_t j = 0; j < count; ++j) out[j] = (row[j] - n.max) * inverse - log_sum;
            writer.put_as_it_is(count);
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

// A row of two arrays: all of it, or of a long row a stretch at a time.
template <class T> class Pair {
  public:
    Pair(const RowReader<T>& xs, const RowReader<T>& ys, RowWriter<T>& out) : xs_(xs), ys_(ys), out_(out) {}

    void row(int64_t i, Background<T>& background) {
        row_ = i, background_ = &background;
        if (xs_.K() <= long_row) start_ = 0, x_ = xs_.row(i), y_ = ys_.row(i);
    }

    int64_t m = -1;
    T x_m = 0, y_m = 0;

    T x(int64_t j) const { return x_[j - start_]; }
    T y(int64_t j) const { return y_[j - start_]; }

    const T* x() const { return x_ - start_; }
    const T* y() const { return y_ - start_; }

    // Finds the first entry with x > half: m, x_m and y_m; or -1 and zeros. sums[i] is the sum of the i-th term over
    // the entries but m, of x(), y() or term(j), which may read x(j) and y(j).
    template <class... Term> [[gnu::always_inline]] void sum_over_others(T half, Wide<T>* sums, Term... term) {
        Accumulator<T> totals[sizeof...(Term)];
        m = -1, x_m = y_m = 0;
        over_stretches(xs_.K(), [&](int64_t start, int64_t count) {
            read(start, count);
            const auto find = [&](int64_t j, int64_t entries) { return first_above_half(half, j, entries); };
            add_terms_but(find, start, start + count, totals, background_, term(*this)...);
        });
        background_ = nullptr;
        for (const Accumulator<T>& total : totals) *sums++ = total.total();
    }

    // The same with half = 1/2 for probabilities x, of which no lane of a group has one above 1/2 unless its sum is:
    // the sums of x and of x y.
    [[gnu::always_inline]] void sum_probabilities(Wide<T>* sums) {
        Accumulator<T> totals[2];
        m = -1, x_m = y_m = 0;
        over_stretches(xs_.K(), [&](int64_t start, int64_t count) {
            read(start, count);
            add_probabilities(start, start + count, totals);
        });
        background_ = nullptr;
        for (const Accumulator<T>& total : totals) *sums++ = total.total();
    }

    // Writes entry(j), which may read x(j) and y(j), with `value` at m.
    template <class Entry> [[gnu::always_inline]] void write(Entry entry, T value) {
        over_stretches(xs_.K(), [&](int64_t start, int64_t count) {
            read(start, count);
            T* const to = out_.place();
#pragma omp simd
            for (int64_t j = 0; j < count; ++j) to[j] = entry(start + j);
            if (start <= m && m < start + count) to[m - start] = value;
            out_.put_as_it_is(count);
        });
    }

  private:
    // m, if it is known or among these entries.
    [[gnu::always_inline]] int64_t first_above_half(T half, int64_t j, int64_t entries) {
        if (m >= 0) return m;
        const int64_t first = first_above(x() + j, entries, half);
        if (first < entries) m = j + first, x_m = x(m), y_m = y(m);
        return m;
    }

    // Adds x and x y of entries begin..end-1, but for m.
    [[gnu::noinline]] void add_probabilities(int64_t begin, int64_t end, Accumulator<T>* totals) {
        Accumulator<T> of_x = totals[0], of_products = totals[1];
        const T *const x = this->x(), *const y = this->y();
        Background<T>* const background = background_;
        const auto add = [&](const T* x_group, const T* y_group, int64_t j, int64_t entries) {
            if (of_x.add_group_up_to(x_group, T(0.5))) return of_products.add_products(x_group, y_group);
            totals[0] = of_x, totals[1] = of_products;
            add_around_half(j, j + entries, totals);
            of_x = totals[0], of_products = totals[1];
        };
        int64_t j = begin;
        for (; j + group<T> <= end; j += group<T>) {
            add(x + j, y + j, j, group<T>);
            if (background) background->advance(group<T>);
        }
        if (j < end) {
            alignas(64) T last_x[group<T>], last_y[group<T>];
            copy_padded(x, j, end, last_x);
            copy_padded(y, j, end, last_y);
            add(last_x, last_y, j, end - j);
        }
        totals[0] = of_x, totals[1] = of_products;
    }

    // The same of a group that may hold m.
    [[gnu::noinline]] void add_around_half(int64_t begin, int64_t end, Accumulator<T>* totals) {
        const auto find = [&](int64_t j, int64_t entries) { return first_above_half(T(0.5), j, entries); };
        add_terms_but(find, begin, end, totals, nullptr, x(), Products<T>{x(), y()});
    }

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

// Terms of sums: the entries of the first array, and of the second.
constexpr auto xs = [](const auto& row) { return row.x(); };
constexpr auto ys = [](const auto& row) { return row.y(); };

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

// In the products below, let m be the first class with p_m > 1/2. The two terms of its entry may both be near 1 where
// their difference is not. It is computed from 1 - p_m and from the other terms of the sum: without cancellation.

// dz = J^T dp with J = diag(p) - p p^T, times ds/dz = scale. J is symmetric: J dz is the same. 1 - p_k is the sum of
// the other p_j, so that the entries of dz sum to 0 although those of p, which are rounded, do not sum to 1:
//     dz_k = p_k (dp_k sum(p) - <dp, p>)
//     dz_m = p_m (dp_m sum of the other p_j - sum of the other dp_j p_j)
template <class T> void softmax_vjp_rows(Source p, Source dp, Sink dz, Span span, T scale) {
    over_pairs<T>(p, dp, dz, span, [=](Pair<T>& row) {
        Wide<T> others[2];
        row.sum_probabilities(others);
        const Wide<T> p_m = row.x_m, dp_m = row.y_m;
        const T sum = T(others[0] + p_m), inner = T(others[1] + dp_m * p_m);
        const T dz_m = T(scale * (p_m * (dp_m * others[0] - others[1])));
        row.write([&](int64_t j) { return scale * (row.x(j) * (row.y(j) * sum - inner)); }, dz_m);
    });
}

// y = log p has dy_j/dz_k = delta_jk - p_k, times ds/dz = scale, hence
//     dz_k = dy_k - p_k sum(dy)
//     dz_m = dy_m (1 - p_m) - p_m sum of the other dy_j
template <class T> void log_softmax_vjp_rows(Source log_p, Source dy, Sink dz, Span span, T scale) {
    over_pairs<T>(log_p, dy, dz, span, [=](Pair<T>& row) {
        Wide<T> others;
        row.sum_over_others(log_half<T>, &others, ys);
        const Wide<T> dy_m = row.y_m, q_m = one_minus_exp(row.x_m);
        const T sum = T(others + dy_m), dz_m = T(scale * (dy_m * q_m - (1 - q_m) * others));
        const auto dz = [&](int64_t j) { return row.y(j) - exp_nonpositive(row.x(j)) * sum; };
        if (scale == 1) return row.write(dz, dz_m);
        row.write([&](int64_t j) { return scale * dz(j); }, dz_m);
    });
}

// The product the other way, times ds/dz = scale:
//     dy_j = dz_j - <p, dz>
//     dy_m = dz_m (1 - p_m) - sum of the other p_j dz_j
template <class T> void log_softmax_jvp_rows(Source log_p, Source dz, Sink dy, Span span, T scale) {
    over_pairs<T>(log_p, dz, dy, span, [=](Pair<T>& row) {
        Wide<T> others;
        row.sum_over_others(log_half<T>, &others, [](const auto& row) {
            return [&row](int64_t j) { return exp_nonpositive(row.x(j)) * row.y(j); };
        });
        const Wide<T> dz_m = row.y_m, q_m = one_minus_exp(row.x_m);
        const T inner = T(others + (1 - q_m) * dz_m), dy_m = T(scale * (dz_m * q_m - others));
        row.write([&](int64_t j) { return scale * (row.y(j) - inner); }, dy_m);
    });
}

}  // namespace softgrad::SOFTGRAD_ISA
