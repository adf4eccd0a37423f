// A row of logits made into exponentials, and what the two or three rows at work at a time are: the one that is
// computed, the one before it, which is written meanwhile, and the one after it, which is fetched meanwhile.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

#include "half.hpp"
#include "log.hpp"
#include "stream.hpp"
#include "sums.hpp"

namespace softgrad::SOFTGRAD_ISA {

// The largest entry. NaN is passed over: it reaches the result through the exponentials.
template <class T> [[gnu::always_inline]] inline T maximum(const T* z, int64_t K) {
    constexpr int64_t lanes = 256 / sizeof(T);
    T most[lanes];
    for (int64_t l = 0; l < lanes; ++l) most[l] = -std::numeric_limits<T>::infinity();
    int64_t j = 0;
    for (; j + lanes <= K; j += lanes) {
#pragma omp simd
        for (int64_t l = 0; l < lanes; ++l) most[l] = z[j + l] > most[l] ? z[j + l] : most[l];
    }
    for (int64_t l = 0; l < K - j; ++l) most[l] = z[j + l] > most[l] ? z[j + l] : most[l];
    for (int64_t half = lanes / 2; half > 0; half /= 2) {
#pragma omp simd
        for (int64_t l = 0; l < half; ++l) most[l] = most[l + half] > most[l] ? most[l + half] : most[l];
    }
    return most[0];
}

// Where `value` stands first; K if it does nowhere.
template <class T> [[gnu::always_inline]] inline int64_t first_of(T value, const T* z, int64_t K) {
    constexpr int64_t lanes = 256 / sizeof(T);
    int64_t j = 0;
    for (int found = 0; j + lanes <= K; j += lanes) {
#pragma omp simd reduction(| : found)
        for (int64_t l = 0; l < lanes; ++l) found |= z[j + l] == value;
        if (found) break;
    }
    const int left = int(K - j < lanes ? K - j : lanes);
    int first = left;
#pragma omp simd reduction(min : first)
    for (int l = 0; l < left; ++l) first = z[j + l] == value && l < first ? l : first;
    return j + first;
}

// The largest entry, and where it stands first: 0 if all are NaN.
template <class T> struct Peak {
    T max;
    int64_t at;
};

template <class T> [[gnu::always_inline]] inline Peak<T> peak(const T* z, int64_t K) {
    constexpr int64_t stretch = 8192;  // a long row is searched in the stretch that has the largest entry alone
    Peak<T> top{-std::numeric_limits<T>::infinity(), 0};
    for (int64_t start = 0; start < K; start += stretch) {
        const T max = maximum(z + start, K - start < stretch ? K - start : stretch);
        if (max > top.max) top = {max, start};
    }
    const int64_t at = top.at + first_of(top.max, z + top.at, K - top.at);
    return {top.max, at < K ? at : 0};
}

// The scalars of one row's softmax. The largest exponential is exactly 1; leaving one such term out of the sum keeps
// what a confident row is about: log(sum) = log1p(others), and p - 1 = -others / sum, without cancellation.
template <class T> struct Normalizer {
    T max;           // the largest logit
    int64_t at;      // where it stands first
    Wide<T> others;  // sum of exp(s_j - s_max) over all j but `at`
    Wide<T> sum() const { return 1 + others; }
    Wide<T> log_sum() const {
        if constexpr (std::is_same_v<T, float>) {
            return std::isinf(others) ? others : log1p_nonnegative(others);
        } else {
            return std::log1p(others);
        }
    }
};

// The sum of e_j = exp(j) in units over a row but for the entry `skipped`; keeps all e_j. Has room for whole groups.
template <class T, class Exp, class Ahead>
[[gnu::always_inline]] inline Wide<T> fill_exponentials(int64_t K, T* e, int64_t skipped, Ahead ahead, Exp exp) {
    Accumulator<T> sum;
    for (int64_t j = 0; j < K; j += group<T>) {
        exp(j);
        for (int64_t l = K - j; l < group<T>; ++l) e[j + l] = 0;
        if (j <= skipped && skipped < j + group<T>) {
            const T kept = e[skipped];
            e[skipped] = 0;
            sum.add_group(e + j);
            e[skipped] = kept;
        } else {
            sum.add_group(e + j);
        }
        ahead(group<T>);
    }
    return sum.total() / unit<T>;
}

// What scores are made of logits: capped if softcap is not 0, divided by the temperature.
template <class T> struct Scores {
    ExpBelow<T> below;
    double softcap;
    explicit Scores(double temperature, double softcap = 0) : below(temperature), softcap(softcap) {}
    Wide<T> scale() const { return 1 / Wide<T>(below.temperature); }  // ds/dz, but for the slope of the cap
    Wide<T> value(T z) const {
        return (softcap == 0 ? Wide<T>(z) : softcap * capped(z, softcap).tanh) / below.temperature;
    }
};

// e_j = exp(s_j - s_max) in units, into room for whole groups.
template <bool tempered, class T, class Ahead>
[[gnu::noinline]] Wide<T> exponentials_of(const T* z, int64_t K, Peak<T> top, ExpBelow<T> below, T* e, Ahead ahead) {
    if (below.is_far(top.max)) {
        for (int64_t j = 0; j < K; ++j) e[j] = z[j] - top.max;
        z = e, top.max -= top.max;
    }
    const typename ExpBelow<T>::Origin origin = below.origin(top.max);
    return fill_exponentials(K, e, top.at, ahead, [=](int64_t j) {
        if (j + group<T> <= K) {
#pragma omp simd
            for (int64_t l = 0; l < group<T>; ++l) e[j + l] = below.template exp<tempered>(z[j + l], origin);
        } else {
            alignas(64) T rest[group<T>];  // a whole group costs less than a last vector entry by entry
            for (int64_t l = 0; l < group<T>; ++l) rest[l] = l < K - j ? z[j + l] : origin.max;
#pragma omp simd
            for (int64_t l = 0; l < group<T>; ++l) e[j + l] = below.template exp<tempered>(rest[l], origin);
        }
    });
}

// Makes a row into exponentials in units, and returns their normalizer. An infinite maximum makes it NaN, as exp(inf -
// inf) is.
template <class T, class Ahead>
[[gnu::always_inline]] inline Normalizer<T> exponentials(const T* z, int64_t K, const ExpBelow<T>& below, T* e,
                                                         Ahead ahead) {
    const Peak<T> top = peak(z, K);
    const Wide<T> others = below.temperature == 1 ? exponentials_of<false>(z, K, top, below, e, ahead)
                                                  : exponentials_of<true>(z, K, top, below, e, ahead);
    return {top.max, top.at, others + (top.max - top.max)};
}

// The same of capped logits, with s_j - s_max, rounded, in `differences`, and the slopes ds/dz, but for the
// temperature's part, in `slopes`.
template <class T, class Ahead>
[[gnu::noinline]] Normalizer<T> capped_exponentials(const T* z, int64_t K, const Scores<T>& scores, T* e,
                                                    T* differences, T* slopes, Ahead ahead) {
    const Peak<T> top = peak(z, K);
    const Wide<T> max = capped(top.max, scores.softcap).tanh;
    const Wide<T> others = fill_exponentials(K, e, top.at, ahead, [&](int64_t j) {
        const int64_t end = K < j + group<T> ? K : j + group<T>;
#pragma omp simd
        for (int64_t l = j; l < end; ++l) {
            const Capped<T> here = capped(z[l], scores.softcap);
            const TwoTerms<T> x = split<T>(scores.softcap * (here.tanh - max) / scores.below.temperature);
            e[l] = exp_in_units(x.hi, x.lo);
            differences[l] = x.hi;
            slopes[l] = here.slope;
        }
    });
    return {top.max, top.at, others + (top.max - top.max)};
}

// The next row to write is factor e_j, but `value` at `special`, for the exponentials in the writer's room.
template <class T>
void put_exponentials(RowWriter<T>& writer, int64_t K, Wide<T> factor, int64_t special = -1, T value = 0) {
    if (factor == 0 || std::abs(factor) >= Wide<T>(0x1p-60)) {
        writer.put(K, T(factor / unit<T>), special, value);
    } else {  // so that no factor is subnormal
        T* const e = writer.room();
        for (int64_t j = 0; j < K; ++j) e[j] *= 1 / unit<T>;
        writer.put(K, T(factor), special, value);
    }
}

// Rows of K entries to read. Those of 16 bits are widened into a room.
template <class T> class RowReader {
  public:
    RowReader(Source from, int64_t K) : from_(from), K_(K), room_(from.storage == Storage::itself ? 0 : K) {}
    const T* row(int64_t i) const {
        if constexpr (std::is_same_v<T, float>) {
            if (from_.storage != Storage::itself) {
                widen(from_, i * K_, K_, room_.entries);
                return room_.entries;
            }
        }
        return static_cast<const T*>(from_.entries) + i * K_;
    }
    // Where row i lies, to be fetched ahead.
    const char* address(int64_t i) const { return static_cast<const char*>(from_.entries) + i * bytes(K_); }
    int64_t bytes(int64_t count) const { return count * (from_.storage == Storage::itself ? int64_t(sizeof(T)) : 2); }

  private:
    Source from_;
    int64_t K_;
    Buffer<T> room_;
};

// What goes on in memory while a row is computed: the row before it is written, and the next one is fetched.
template <class T> struct Meanwhile {
    const RowReader<T>& reader;
    RowWriter<T>* writer;  // or null
    const char* next;      // or null

    Meanwhile(const RowReader<T>& reader, RowWriter<T>* writer, int64_t next_row, int64_t end)
        : reader(reader), writer(writer), next(next_row < end ? reader.address(next_row) : nullptr) {}

    [[gnu::always_inline]] void operator()(int64_t count) {
        if (next) {
            const int64_t bytes = reader.bytes(count);
            for (int64_t b = 0; b < bytes; b += 64) __builtin_prefetch(next + b, 0, 2);
            next += bytes;
        }
        if (writer) writer->advance(count);
    }
};

}  // namespace softgrad::SOFTGRAD_ISA
