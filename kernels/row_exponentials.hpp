// The exponentials of a row of logits, from which softmax and every loss are computed, and their sum. Each function is
// compiled once per type, for all kernels.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

#include "log.hpp"
#include "row_pipeline.hpp"
#include "row_writer.hpp"
#include "sums.hpp"

namespace softgrad::SOFTGRAD_ISA {

// The first index j with z[j] > limit, or K if there is none.
template <class T> [[gnu::always_inline]] inline int64_t first_above(const T* z, int64_t K, T limit) {
    constexpr int64_t lanes = vector_bytes / sizeof(T), block = 8 * lanes;
    int64_t j = 0;
    for (; j + block <= K; j += block) {
        alignas(64) T most[lanes];
        for (int64_t l = 0; l < lanes; ++l) most[l] = -std::numeric_limits<T>::infinity();
        for (int64_t k = 0; k < block; k += lanes) {
#pragma omp simd
            for (int64_t l = 0; l < lanes; ++l) most[l] = z[j + k + l] > most[l] ? z[j + k + l] : most[l];
        }
        if (bits_above(most, limit)) break;
    }
    for (; j + lanes <= K; j += lanes) {
        if (const unsigned bits = bits_above(z + j, limit)) return j + __builtin_ctz(bits);
    }
    if (j < K && lanes <= K) {  // the last vector, some of whose entries were looked at before
        const unsigned bits = bits_above(z + K - lanes, limit);
        return bits ? K - lanes + __builtin_ctz(bits) : K;
    }
    while (j < K && !(z[j] > limit)) ++j;
    return j;
}

// The largest entry and its first index, which is 0 if all entries are NaN. NaN is skipped: it reaches the result
// through the exponentials.
template <class T> struct Peak {
    T max;
    int64_t at;
};

// The largest entries of whole groups are kept, so that one group alone is searched for the largest entry of all.
template <class T> [[gnu::always_inline]] inline Peak<T> peak(const T* z, int64_t K) {
    constexpr int64_t lanes = vector_bytes / sizeof(T), groups = 64;
    Peak<T> top{-std::numeric_limits<T>::infinity(), 0};
    if (K < group<T>) {
        for (int64_t j = 0; j < K; ++j) {
            if (z[j] > top.max) top = {z[j], j};
        }
        return top;
    }
    alignas(64) T most[groups][lanes], all[lanes];
    for (int64_t start = 0; start < K; start += groups * group<T>) {
        const int64_t end = std::min(K, start + groups * group<T>), count = (end - start + group<T> - 1) / group<T>;
        // Where the last group begins earlier, some entries are seen twice.
        const auto begin = [=](int64_t g) { return std::min(start + g * group<T>, K - group<T>); };
        for (int64_t l = 0; l < lanes; ++l) all[l] = -std::numeric_limits<T>::infinity();
        for (int64_t g = 0; g < count; ++g) {
            const T* const x = z + begin(g);
            T here[lanes];
            for (int64_t l = 0; l < lanes; ++l) here[l] = -std::numeric_limits<T>::infinity();
            for (int64_t k = 0; k < group<T>; k += lanes) {
#pragma omp simd
                for (int64_t l = 0; l < lanes; ++l) here[l] = x[k + l] > here[l] ? x[k + l] : here[l];
            }
#pragma omp simd
            for (int64_t l = 0; l < lanes; ++l) {
                most[g][l] = here[l];
                all[l] = here[l] > all[l] ? here[l] : all[l];
            }
        }
        for (int64_t half = lanes / 2; half > 0; half /= 2) {
#pragma omp simd
            for (int64_t l = 0; l < half; ++l) all[l] = all[l + half] > all[l] ? all[l + half] : all[l];
        }
        if (!(all[0] > top.max)) continue;
        // No branch depends on where it is: one that is predicted wrongly takes as long as a fifth of 1,000 entries.
        uint64_t groups_with_max = 0, at_max[group<T> / 64] = {};
        for (int64_t g = 0; g < count; ++g) groups_with_max |= uint64_t(bits_equal(most[g], all[0]) != 0) << g;
        const int64_t first = begin(__builtin_ctzll(groups_with_max));
        for (int64_t k = 0; k < group<T>; k += lanes) {
            at_max[k / 64] |= uint64_t(bits_equal(z + first + k, all[0])) << k % 64;
        }
        int64_t at = 0;
        for (int64_t word = group<T> / 64 - 1; word >= 0; --word) {
            at = at_max[word] ? word * 64 + __builtin_ctzll(at_max[word]) : at;
        }
        top = {all[0], first + at};
    }
    return top;
}

// The scalars of one row's softmax. The largest exponential is exactly 1. One such term is left out of the sum, because
// a confident row depends on the others: log(sum) = log1p(others) and p - 1 = -others / sum do not cancel.
template <class T> struct Normalizer {
    T max;           // the largest logit
    int64_t at;      // its first index
    Wide<T> others;  // sum of exp(s_j - s_max) over all j but `at`
    Wide<T> sum() const { return 1 + others; }
    Wide<T> largest_p() const { return 1 / sum(); }
    Wide<T> log_sum() const {
        if constexpr (std::is_same_v<T, float>) {
            return std::isinf(others) ? others : log1p_nonnegative(others);
        } else {
            return std::log1p(others);
        }
    }
};

// Adds e_j in units to `total`, over a stretch of K entries without the entry `skipped`, which may lie outside. exp(j)
// computes the group of e_j that starts at j, into e, which holds whole groups: 0 beyond K.
template <class T, class Exp>
[[gnu::always_inline]] inline void add_exponentials(int64_t K, T* e, int64_t skipped, Accumulator<T>& total,
                                                    Background<T>& background, Exp exp) {
    Accumulator<T> sum = total;
    for (int64_t j = 0; j < K; j += group<T>) {
        exp(j);
        if (j <= skipped && skipped < j + group<T>) {
            const T kept = e[skipped];
            e[skipped] = 0;
            sum.add_group(e + j);
            e[skipped] = kept;
        } else {
            sum.add_group(e + j);
        }
        background.advance(group<T>);
    }
    total = sum;
}

// e_j = exp(s_j - s_max) in units, into a buffer of whole groups. `top` counts from the start of the stretch.
template <bool tempered, class T>
[[gnu::noinline]] void exponentials_below(const T* z, int64_t K, Peak<T> top, ExpBelow<T> below, T* e,
                                          Accumulator<T>& total, Background<T>& background) {
    if (const int64_t whole = K / group<T> * group<T>; whole < K) {  // the last group is 0 beyond K
        for (int64_t l = 0; l < group<T>; ++l) e[whole + l] = 0;
    }
    if (below.is_far(top.max)) {
        for (int64_t j = 0; j < K; ++j) e[j] = z[j] - top.max;
        z = e, top.max -= top.max;
    }
    const typename ExpBelow<T>::Origin origin = below.origin(top.max);
    // The last vector, some of whose entries are computed twice. Beyond a shorter row it holds -inf: its exponential is
    // 0.
    constexpr int64_t lanes = vector_bytes / sizeof(T);
    const int64_t last_start = K < lanes ? 0 : K - lanes;
    alignas(64) T last[lanes];
    if (K < lanes) {
        for (int64_t l = 0; l < lanes; ++l) last[l] = l < K ? z[l] : -std::numeric_limits<T>::infinity();
    } else {
        for (int64_t l = 0; l < lanes; ++l) last[l] = z[last_start + l];
    }
    const auto exp_of_vector = [=](const T* x, T* to) {
#pragma omp simd
        for (int64_t l = 0; l < lanes; ++l) to[l] = below.template exp<tempered>(x[l], origin);
    };
    add_exponentials(K, e, top.at, total, background, [&](int64_t j) {
        if (j + group<T> <= K) {
#pragma omp simd
            for (int64_t l = 0; l < group<T>; ++l) e[j + l] = below.template exp<tempered>(z[j + l], origin);
        } else {
            for (int64_t l = j; l + lanes <= K; l += lanes) exp_of_vector(z + l, e + l);
            exp_of_vector(last, e + last_start);
        }
    });
}

// The same for capped logits. Fills `differences` with s_j - s_max, rounded, and `slopes` with the slopes ds/dz without
// the factor 1 / temperature.
template <class T>
[[gnu::noinline]] void capped_exponentials_below(const T* z, int64_t K, Peak<T> top, const Scores<T>& scores, T* e,
                                                 T* differences, T* slopes, Accumulator<T>& total,
                                                 Background<T>& background) {
    const double cap = scores.softcap, temperature = scores.below.temperature;
    const Capped<T> max = capped(top.max, cap);
    add_exponentials(K, e, top.at, total, background, [&](int64_t j) {
        const int64_t end = K < j + group<T> ? K : j + group<T>;
#pragma omp simd
        for (int64_t l = j; l < end; ++l) {
            const Capped<T> here = capped(z[l], cap);
            const TwoTerms<T> x = capped_difference(here, max, cap, temperature);
            e[l] = exp_in_units(x.hi, x.lo);
            differences[l] = x.hi;
            slopes[l] = here.slope;
        }
        for (int64_t l = end; l < j + group<T>; ++l) e[l] = 0;
    });
}

// The largest entry of row i, and its first index.
template <class T> [[gnu::noinline]] Peak<T> peak(const RowReader<T>& reader, int64_t i) {
    Peak<T> top{-std::numeric_limits<T>::infinity(), 0};
    over_stretches(reader.K(), [&](int64_t start, int64_t count) {
        const Peak<T> here = peak(reader.at(i, start, count), count);
        if (start == 0 || here.max > top.max) top = {here.max, start + here.at};
    });
    return top;
}

// Rows of logits with their exponentials, one row after another, and of a long row one stretch after another. The
// largest entry of the next row is found before this one's sum is added up: the processor then has work while it waits
// for either. Hence the reader needs two buffers.
template <class T> class Exponentials {
  public:
    // Rows end at `end`. Exponentials go into the buffer of the writer, from which they are written, or with null into
    // one of their own.
    Exponentials(const RowReader<T>& reader, const Scores<T>& scores, RowWriter<T>* writer, int64_t end)
        : reader_(reader),
          scores_(scores),
          writer_(writer),
          end_(end),
          buffer_(writer ? 0 : in_buffers(reader.K())),
          of_cap_(scores.softcap == 0 ? 0 : 2 * in_buffers(reader.K())) {}

    // Goes to row i, and returns its normalizer. An infinite maximum makes that NaN, as exp(inf - inf) is; if it is
    // capped, only a row that is masked whole is NaN.
    [[gnu::noinline]] Normalizer<T> row(int64_t i, Background<T>& background) {
        const int64_t K = reader_.K();
        const bool is_at_hand = row_ + 1 == i && z_next_;
        row_ = i;
        Accumulator<T> sum;
        if (K <= long_row) {
            start = 0, z = is_at_hand ? z_next_ : reader_.row(i);
            top_ = is_at_hand ? next_ : peak(z, K);
            compute(K, sum, background);
            z_next_ = i + 1 < end_ ? reader_.row(i + 1) : nullptr;
            if (z_next_) next_ = peak(z_next_, K);
        } else {
            top_ = peak(reader_, i);
            over_stretches(K, [&](int64_t from, int64_t count) {
                start = from, z = reader_.at(i, from, count);
                compute(count, sum, background);
            });
        }
        constexpr T infinity = std::numeric_limits<T>::infinity();
        const bool nan = scores_.softcap == 0 ? std::isinf(top_.max) : top_.max == -infinity;
        return {top_.max, top_.at, nan ? std::numeric_limits<T>::quiet_NaN() : sum.total() / unit<T>};
    }

    // Whether the row holds a NaN.
    [[gnu::noinline]] bool has_nan() const {
        int nan = 0;
        over_stretches(reader_.K(), [&](int64_t from, int64_t count) {
            const T* const x = reader_.K() <= long_row ? z : reader_.at(row_, from, count);
            for (int64_t j = 0; j < count; ++j) nan |= x[j] != x[j];
        });
        return nan;
    }

    // Goes to the stretch of a long row that begins at `from`.
    void stretch(int64_t from, int64_t count) {
        if (reader_.K() <= long_row) return;
        Accumulator<T> ignored;
        Background<T> background(reader_, writer_, 0, 0);
        start = from, z = reader_.at(row_, from, count);
        compute(count, ignored, background);
    }

    // Goes to the stretch of entry j.
    void stretch_of(int64_t j) {
        if (start <= j && j - start < in_buffers(reader_.K())) return;
        const int64_t from = j / softgrad::stretch * softgrad::stretch, rest = reader_.K() - from;
        stretch(from, rest < softgrad::stretch ? rest : softgrad::stretch);
    }

    // What is in the buffers, from the entry `start` of the row on.
    int64_t start = 0;
    const T* z = nullptr;
    T* e = nullptr;                              // exp(s_j - s_max) in units
    const T *below = nullptr, *slope = nullptr;  // of capped logits: s_j - s_max, and the cap's factor in ds/dz

  private:
    void compute(int64_t count, Accumulator<T>& sum, Background<T>& background) {
        e = writer_ ? writer_->buffer() : buffer_.entries;
        const Peak<T> top{top_.max, top_.at - start};
        if (scores_.softcap != 0) {
            T *const differences = of_cap_.entries, *const slopes = differences + in_buffers(reader_.K());
            capped_exponentials_below(z, count, top, scores_, e, differences, slopes, sum, background);
            below = differences, slope = slopes;
        } else if (scores_.below.temperature == 1) {
            exponentials_below<false>(z, count, top, scores_.below, e, sum, background);
        } else {
            exponentials_below<true>(z, count, top, scores_.below, e, sum, background);
        }
    }

    const RowReader<T>& reader_;
    const Scores<T>& scores_;
    RowWriter<T>* const writer_;
    const int64_t end_;
    Buffer<T> buffer_, of_cap_;
    int64_t row_ = -1;
    Peak<T> top_{}, next_{};
    const T* z_next_ = nullptr;  // row row_ + 1, of which next_ is the peak
};

// Writes the row factor * e_j, with `value` at the index `special`, from the exponentials in the writer's buffer.
template <class T>
[[gnu::noinline]] void put_exponentials(RowWriter<T>& writer, int64_t K, Wide<T> factor, int64_t special = -1,
                                        T value = 0) {
    if (factor == 0 || std::abs(factor) >= Wide<T>(0x1p-60)) {
        writer.put(K, T(factor / unit<T>), special, value);
    } else {  // so that no factor is subnormal
        T* const e = writer.buffer();
        for (int64_t j = 0; j < K; ++j) e[j] *= 1 / unit<T>;
        writer.put(K, T(factor), special, value);
    }
}

}  // namespace softgrad::SOFTGRAD_ISA
