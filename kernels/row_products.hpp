// The products with the Jacobians of softmax and log_softmax, by rows of more than a group of entries.
#pragma once

#include "softmax_rows.hpp"
#include "stored_entries.hpp"

namespace softgrad::SOFTGRAD_ISA {

// Entries of an array, widened as they are read.
template <class T, Storage storage> struct Reading {
    const Stored<storage, T>* entries;
    Reading from(int64_t j) const { return {entries + j}; }

    // n of them, from entry j on.
    template <int n> [[gnu::always_inline]] Entries<T, n> at(int64_t j) const {
        return read_entries<storage, T, n>(entries + j);
    }
    T one(int64_t j) const {
        if constexpr (storage == Storage::itself) {
            return entries[j];
        } else {
            return storage == Storage::bfloat16 ? from_bfloat16(entries[j]) : from_float16(entries[j]);
        }
    }
    // As the terms of a sum.
    [[gnu::always_inline]] auto operator()(int64_t j) const { return at<Accumulator<T>::lanes>(j); }

    // `count` entries, and zeros up to a whole group.
    [[gnu::always_inline]] void copy_padded(int64_t count, T* to) const {
        constexpr int n = vector_bytes / sizeof(T);
        for (int64_t j = 0; j < group<T>; j += n) {
            *reinterpret_cast<UnalignedEntries<T, n>*>(to + j) =
                read_first_entries<storage, T, n>(entries + j, int(count - j));
        }
    }
};

// Rows of two arrays.
template <class T, Storage storage> class Pair {
  public:
    static constexpr int n = vector_bytes / sizeof(T);
    using InArray = Reading<T, Storage::itself>;

    Pair(const void* x, const void* y, int64_t K, RowWriter<T>& out)
        : xs_{static_cast<const Stored<storage, T>*>(x)},
          ys_{static_cast<const Stored<storage, T>*>(y)},
          K_(K),
          out_(out) {}

    void row(int64_t i) { x_ = xs_.from(i * K_), y_ = ys_.from(i * K_); }

    // The first entry with x > half, and x and y there; or -1 and zeros.
    int64_t m = -1;
    T x_m = 0, y_m = 0;

    // sums[i] is the sum of the i-th term over the entries but m. all(totals, x, y) adds the terms of a group to the
    // totals; a term is 0 where x and y are. some(totals, x, y, seen) does the same, unless an entry of the group may
    // have x > half: then it returns false. `seen` is x, or the last group of the row where zeros follow x.
    template <int count, class All, class Some>
    [[gnu::always_inline]] void sum_over_others(T half, Wide<T>* sums, All all, Some some) {
        Accumulator<T> totals[count];
        m = -1, x_m = y_m = 0;
        int64_t j = 0;
        for (; j + group<T> <= K_; j += group<T>) {
            if (!some(totals, x_.from(j), y_.from(j), x_.from(j))) add_around_half(j, group<T>, half, totals, all);
        }
        if (j < K_) {
            alignas(64) T x[group<T>], y[group<T>];
            x_.from(j).copy_padded(K_ - j, x), y_.from(j).copy_padded(K_ - j, y);
            const auto last_group = x_.from(K_ - group<T>);
            if (!some(totals, InArray{x}, InArray{y}, last_group)) add_around_half(j, K_ - j, half, totals, all);
        }
        for (const Accumulator<T>& total : totals) *sums++ = total.total();
    }

    // The same where `all` may be used unless a group has an entry with x > half.
    template <int count, class All> [[gnu::always_inline]] void sum_over_others(T half, Wide<T>* sums, All all) {
        sum_over_others<count>(half, sums, all, [=, this](auto* totals, auto x, auto y, auto seen) {
            if (m < 0 && has_above(seen, half)) return false;
            all(totals, x, y);
            return true;
        });
    }

    // Writes entry(x, y) of each entry, with `value` at m.
    template <class Entry> [[gnu::always_inline]] void write(Entry entry, T value) {
        const auto vectors = [=, x = x_, y = y_](int64_t j) {
            alignas(64) T in_x[n], in_y[n], out[n];
            *reinterpret_cast<UnalignedEntries<T, n>*>(in_x) = x.template at<n>(j);
            *reinterpret_cast<UnalignedEntries<T, n>*>(in_y) = y.template at<n>(j);
#pragma omp simd
            for (int l = 0; l < n; ++l) out[l] = entry(in_x[l], in_y[l]);
            return *reinterpret_cast<const UnalignedEntries<T, n>*>(out);
        };
        const auto one = [=, x = x_, y = y_](int64_t j) { return entry(x.one(j), y.one(j)); };
        out_.template write<storage>(K_, vectors, one, m, value);
    }

  private:
    // Whether an entry of a group is above `half`; NaN is not.
    template <class X> [[gnu::always_inline]] static bool has_above(X x, T half) {
        alignas(64) T most[n];
        for (int l = 0; l < n; ++l) most[l] = -std::numeric_limits<T>::infinity();
        for (int64_t j = 0; j < group<T>; j += n) {
            alignas(64) T here[n];
            *reinterpret_cast<UnalignedEntries<T, n>*>(here) = x.template at<n>(j);
#pragma omp simd
            for (int l = 0; l < n; ++l) most[l] = here[l] > most[l] ? here[l] : most[l];
        }
        return bits_above(most, half);
    }

    // Adds a group, or the rest of the row, that may hold m.
    template <int count, class All>
    [[gnu::noinline]] void add_around_half(int64_t j, int64_t entries, T half, Accumulator<T> (&totals)[count],
                                           All all) {
        alignas(64) T x[group<T>], y[group<T>];
        x_.from(j).copy_padded(entries, x), y_.from(j).copy_padded(entries, y);
        if (m < 0) {
            const int64_t first = first_above(x, entries, half);
            if (first < entries) m = j + first, x_m = x[first], y_m = y[first];
        }
        if (j <= m && m < j + entries) x[m - j] = y[m - j] = 0;
        all(totals, InArray{x}, InArray{y});
    }

    const Reading<T, storage> xs_, ys_;
    const int64_t K_;
    RowWriter<T>& out_;
    Reading<T, storage> x_{}, y_{};
};

// Calls work(row) for each row of two arrays, which writes to `out`. All three have the same storage.
template <class T, class Work>
[[gnu::always_inline]] inline void over_pairs(Source x, Source y, Sink out, Span span, Work work) {
    RowWriter<T> writer(out, span.begin * span.K, in_buffers(span.K), span.rows * span.K, false);
    with_storage<T>(x.storage, [&]<Storage storage> {
        Pair<T, storage> row(x.entries, y.entries, span.K, writer);
        for (int64_t i = span.begin; i < span.end; ++i) {
            row.row(i);
            work(row);
        }
    });
}

// In the products below, let m be the first class with p_m > 1/2. The two terms of its entry may both be near 1 where
// their difference is not. It is computed from 1 - p_m and from the other terms of the sum: without cancellation.

// dz = J^T dp with J = diag(p) - p p^T, times ds/dz = scale. J is symmetric: J dz is the same. 1 - p_k is the sum of
// the other p_j, so that the entries of dz sum to 0 although those of p, which are rounded, do not sum to 1:
//     dz_k = p_k (dp_k sum(p) - <dp, p>)
//     dz_m = p_m (dp_m sum of the other p_j - sum of the other dp_j p_j)
template <class T> void softmax_vjp_rows(Source p, Source dp, Sink dz, Span span, T scale) {
    over_pairs<T>(p, dp, dz, span, [=](auto& row) {
        // No lane of a group has p > 1/2 unless its sum is.
        Wide<T> others[2];
        row.template sum_over_others<2>(
            T(0.5), others,
            [](auto* totals, auto p, auto dp) { totals[0].add_lanes(p), totals[1].add_products(p, dp); },
            [](auto* totals, auto p, auto dp, auto) {
                if (!totals[0].add_lanes_up_to(p, T(0.5))) return false;
                totals[1].add_products(p, dp);
                return true;
            });
        const Wide<T> p_m = row.x_m, dp_m = row.y_m;
        const T sum = T(others[0] + p_m), inner = T(others[1] + dp_m * p_m);
        const T dz_m = T(scale * (p_m * (dp_m * others[0] - others[1])));
        row.write([=](T p, T dp) { return scale * (p * (dp * sum - inner)); }, dz_m);
    });
}

// y = log p has dy_j/dz_k = delta_jk - p_k, times ds/dz = scale, hence
//     dz_k = dy_k - p_k sum(dy)
//     dz_m = dy_m (1 - p_m) - p_m sum of the other dy_j
template <class T> void log_softmax_vjp_rows(Source log_p, Source dy, Sink dz, Span span, T scale) {
    over_pairs<T>(log_p, dy, dz, span, [=](auto& row) {
        Wide<T> others;
        row.template sum_over_others<1>(log_half<T>, &others,
                                        [](auto* totals, auto, auto dy) { totals->add_lanes(dy); });
        const Wide<T> dy_m = row.y_m, q_m = one_minus_exp(row.x_m);
        const T sum = T(others + dy_m), dz_m = T(scale * (dy_m * q_m - (1 - q_m) * others));
        const auto dz = [=](T log_p, T dy) { return dy - exp_nonpositive(log_p) * sum; };
        if (scale == 1) return row.write(dz, dz_m);
        row.write([=](T log_p, T dy) { return scale * dz(log_p, dy); }, dz_m);
    });
}

// The product the other way, times ds/dz = scale:
//     dy_j = dz_j - <p, dz>
//     dy_m = dz_m (1 - p_m) - sum of the other p_j dz_j
template <class T> void log_softmax_jvp_rows(Source log_p, Source dz, Sink dy, Span span, T scale) {
    over_pairs<T>(log_p, dz, dy, span, [=](auto& row) {
        Wide<T> others;
        row.template sum_over_others<1>(log_half<T>, &others, [](auto* totals, auto log_p, auto dz) {
            constexpr int n = vector_bytes / sizeof(T);
            alignas(64) T terms[group<T>];
            for (int64_t j = 0; j < group<T>; j += n) {
                alignas(64) T in_log_p[n], in_dz[n];
                *reinterpret_cast<UnalignedEntries<T, n>*>(in_log_p) = log_p.template at<n>(j);
                *reinterpret_cast<UnalignedEntries<T, n>*>(in_dz) = dz.template at<n>(j);
#pragma omp simd
                for (int l = 0; l < n; ++l) terms[j + l] = exp_nonpositive(in_log_p[l]) * in_dz[l];
            }
            asm("" : "+m"(terms));  // a sum of fused products would depend on the instruction set
            totals->add_group(terms);
        });
        const Wide<T> dz_m = row.y_m, q_m = one_minus_exp(row.x_m);
        const T inner = T(others + (1 - q_m) * dz_m), dy_m = T(scale * (dz_m * q_m - others));
        row.write([=](T, T dz) { return scale * (dz - inner); }, dy_m);
    });
}

}  // namespace softgrad::SOFTGRAD_ISA
