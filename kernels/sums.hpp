// Sums that stay accurate however long the row is.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "buffer.hpp"
#include "scores.hpp"

#if defined(__AVX__)
    #include <immintrin.h>
#endif

namespace softgrad::SOFTGRAD_ISA {

// Adds up groups of entries: eight to one in T by halves, those in twice the precision, lane by lane. The lanes are
// written out, so the sum is the same on every instruction set that rounds its terms alike.
template <class T> class Accumulator {
  public:
    [[gnu::always_inline]] void add_group(const T* x) {
        add_lanes([=](int64_t j) { return *reinterpret_cast<const Lanes*>(x + j); });
    }
    // The same of entries that read(j) reads: `lanes` of them from j on.
    template <class Read> [[gnu::always_inline]] void add_lanes(Read read) {
        for (int64_t start = 0; start < group<T>; start += 8 * lanes) add(eight(read, start));
    }
    // The same, unless a lane adds up to more than `most`: then nothing is added, and it returns false.
    template <class Read> [[gnu::always_inline]] bool add_lanes_up_to(Read read, T most) {
        constexpr int64_t count = group<T> / (8 * lanes);
        Lanes sums[count];
        for (int64_t i = 0; i < count; ++i) sums[i] = eight(read, i * 8 * lanes);
        auto above = sums[0] > most;
        for (int64_t i = 1; i < count; ++i) above |= sums[i] > most;
        if (any_of(above)) return false;
        for (const Lanes& sum : sums) add(sum);
        return true;
    }
    // The same of x_j y_j, each rounded: a sum of products that are fused would depend on the instruction set.
    template <class X, class Y> [[gnu::always_inline]] void add_products(X x, Y y) {
        add_lanes([=](int64_t j) {
            Lanes p = x(j) * y(j);
#if defined(__AVX__)
            asm("" : "+x"(p));
#endif
            return p;
        });
    }
    [[gnu::always_inline]] void add_products(const T* x, const T* y) {
        const auto read = [](const T* z) { return [=](int64_t j) { return *reinterpret_cast<const Lanes*>(z + j); }; };
        add_products(read(x), read(y));
    }
    Wide<T> total() const {
        Wide<T> sum = 0;
        for (int64_t l = 0; l < lanes; ++l) {
            const bool has_low = std::is_same_v<T, double> && !std::isinf(high_[l]);
            sum += has_low ? Wide<T>(high_[l]) + low_[l] : high_[l];
        }
        return sum;
    }

    static constexpr int64_t lanes = 32 / sizeof(T);

  private:
    typedef T Lanes [[gnu::vector_size(32), gnu::aligned(alignof(T)), gnu::may_alias]];
    typedef double Four [[gnu::vector_size(32)]];
    typedef double Eight [[gnu::vector_size(64)]];
    using Doubles = std::conditional_t<lanes == 8, Eight, Four>;  // as many as there are lanes

    template <class Read> [[gnu::always_inline]] static Lanes eight(Read read, int64_t start) {
        const auto x = [=](int64_t k) { return read(start + k * lanes); };
        return ((x(0) + x(1)) + (x(2) + x(3))) + ((x(4) + x(5)) + (x(6) + x(7)));
    }

    [[gnu::always_inline]] void add(const Lanes& x) {
        if constexpr (std::is_same_v<T, float>) {
            high_ += __builtin_convertvector(x, Doubles);
        } else {  // Knuth's two-sum
            const Doubles sum = high_ + x, x_seen = sum - high_;
            low_ += (high_ - (sum - x_seen)) + (x - x_seen);
            high_ = sum;
        }
    }

    template <class Mask> [[gnu::always_inline]] static bool any_of(const Mask& mask) {
#if defined(__AVX__)
        return !_mm256_testz_si256((__m256i)mask, (__m256i)mask);
#else
        int any = 0;
        for (int64_t l = 0; l < lanes; ++l) any |= mask[l] != 0;
        return any;
#endif
    }

    Doubles high_{}, low_{};
};

// Entries begin..end-1 of x, and zeros up to a whole group.
template <class T> [[gnu::always_inline]] inline void copy_padded(const T* x, int64_t begin, int64_t end, T* to) {
    constexpr int64_t lanes = 64 / sizeof(T);
    for (int64_t l = 0; l < group<T>; ++l) to[l] = 0;
    if (end - begin < lanes) {
        for (int64_t j = begin; j < end; ++j) to[j - begin] = x[j];
        return;
    }
    const auto copy = [&](int64_t j) {
        for (int64_t l = 0; l < lanes; ++l) to[j - begin + l] = x[j + l];
    };
    for (int64_t j = begin; j + lanes <= end; j += lanes) copy(j);
    copy(end - lanes);  // some entries twice
}

template <class T> struct Products {
    const T *x, *y;
    T operator()(int64_t j) const { return x[j] * y[j]; }
};

// Adds the i-th term(j) to totals[i] for j = begin..end-1, where begin is a multiple of the group, but for the entry
// that skipped(j, count) finds among those of a group; any other number stands for none. A term may also be an array,
// or the products of two. background->advance(count) is called between the groups, unless it is null.
template <class T, class Skipped, class Background, class... Term>
[[gnu::always_inline]] inline void add_terms_but(Skipped skipped, int64_t begin, int64_t end, Accumulator<T>* totals,
                                                 Background background, Term... term) {
    Accumulator<T> sums[sizeof...(Term)];
    for (Accumulator<T>& sum : sums) sum = totals[&sum - sums];
    alignas(64) T x[group<T>];
    int64_t j = begin;
    const auto add = [&](Accumulator<T>& to, auto term, int64_t count, int64_t but) {
        if constexpr (std::is_pointer_v<decltype(term)>) {
            if (count == group<T> && !(0 <= but && but < count)) return to.add_group(term + j);
            copy_padded(term, j, j + count, x);
        } else {
            if constexpr (std::is_same_v<decltype(term), Products<T>>) {
                if (count == group<T> && !(0 <= but && but < count)) return to.add_products(term.x + j, term.y + j);
            }
            for (int64_t l = 0; count < group<T> && l < group<T>; ++l) x[l] = 0;
#pragma omp simd
            for (int64_t l = 0; l < count; ++l) x[l] = term(j + l);
        }
        if (0 <= but && but < count) x[but] = 0;
        to.add_group(x);
    };
    for (; j + group<T> <= end; j += group<T>) {
        Accumulator<T>* to = sums;
        const int64_t but = skipped(j, group<T>) - j;
        (add(*to++, term, group<T>, but), ...);
        if constexpr (!std::is_null_pointer_v<Background>) {
            if (background) background->advance(group<T>);
        }
    }
    if (j < end) {
        Accumulator<T>* to = sums;
        const int64_t but = skipped(j, end - j) - j;
        (add(*to++, term, end - j, but), ...);
    }
    for (const Accumulator<T>& sum : sums) totals[&sum - sums] = sum;
}

// Adds term(j) to `total` for j = begin..end-1.
template <class T, class Term, class Background = std::nullptr_t>
[[gnu::always_inline]] inline void add_terms(int64_t begin, int64_t end, Accumulator<T>& total, Term term,
                                             Background background = nullptr) {
    add_terms_but([](int64_t, int64_t) { return int64_t(-1); }, begin, end, &total, background, term);
}

// The sum of term(j) over a row.
template <class T, class Term> [[gnu::always_inline]] inline Wide<T> sum_over(int64_t K, Term term) {
    Accumulator<T> sum;
    add_terms(0, K, sum, term);
    return sum.total();
}

// A sum of terms that come one by one (Kahan): `lost` is what the last addition rounded away.
template <class T> struct CompensatedSum {
    Wide<T> sum = 0, lost = 0;
    void add(Wide<T> x) {
        const Wide<T> term = x - lost, next = sum + term;
        lost = std::isfinite(next) ? (next - sum) - term : 0;
        sum = next;
    }
};

}  // namespace softgrad::SOFTGRAD_ISA
