// Sums that stay accurate however long the row is.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "buffer.hpp"
#include "scores.hpp"

namespace softgrad::SOFTGRAD_ISA {

// Adds up groups of entries: eight to one in T by halves, those in twice the precision, lane by lane. The lanes are
// written out, so the sum is the same on every instruction set that rounds its terms alike.
template <class T> class Accumulator {
  public:
    Accumulator() {
        for (int64_t l = 0; l < lanes; ++l) high_[l] = low_[l] = 0;
    }
    [[gnu::always_inline]] void add_group(const T* x) {
        for (int64_t start = 0; start < group<T>; start += 8 * lanes) {
#pragma omp simd
            for (int64_t l = 0; l < lanes; ++l) {
                const T* const y = x + start + l;
                const T a = (y[0] + y[lanes]) + (y[2 * lanes] + y[3 * lanes]);
                const T b = (y[4 * lanes] + y[5 * lanes]) + (y[6 * lanes] + y[7 * lanes]);
                add(l, a + b);
            }
        }
    }
    // The same of x[j] y[j], each rounded: a sum of products that are fused would depend on the instruction set.
    [[gnu::always_inline]] void add_products(const T* x, const T* y) {
#if defined(__AVX__)
        for (int64_t start = 0; start < group<T>; start += 8 * lanes) {
            Lanes p[8];
            for (int k = 0; k < 8; ++k) {
                const int64_t j = start + k * lanes;
                p[k] = *reinterpret_cast<const Lanes*>(x + j) * *reinterpret_cast<const Lanes*>(y + j);
                asm("" : "+x"(p[k]));
            }
            const Lanes a = (p[0] + p[1]) + (p[2] + p[3]), b = (p[4] + p[5]) + (p[6] + p[7]), sum = a + b;
            for (int64_t l = 0; l < lanes; ++l) add(l, sum[l]);
        }
#else
        alignas(64) T products[group<T>];
    #pragma omp simd
        for (int64_t l = 0; l < group<T>; ++l) products[l] = x[l] * y[l];
        asm("" : "+m"(products));
        add_group(products);
#endif
    }
    Wide<T> total() const {
        Wide<T> sum = 0;
        for (int64_t l = 0; l < lanes; ++l) sum += std::isinf(high_[l]) ? high_[l] : Wide<T>(high_[l]) + low_[l];
        return sum;
    }

  private:
    static constexpr int64_t lanes = 32 / sizeof(T);
    typedef T Lanes [[gnu::vector_size(32), gnu::aligned(alignof(T)), gnu::may_alias]];

    [[gnu::always_inline]] void add(int64_t l, T x) {
        if constexpr (std::is_same_v<T, float>) {
            high_[l] += x;
        } else {  // Knuth's two-sum
            const double sum = high_[l] + x, x_seen = sum - high_[l];
            low_[l] += (high_[l] - (sum - x_seen)) + (x - x_seen);
            high_[l] = sum;
        }
    }

    double high_[lanes], low_[lanes];
};

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
            for (int64_t l = 0; l < count; ++l) x[l] = term[j + l];
        } else {
            if constexpr (std::is_same_v<decltype(term), Products<T>>) {
                if (count == group<T> && !(0 <= but && but < count)) return to.add_products(term.x + j, term.y + j);
            }
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
        for (int64_t l = 0; l < group<T>; ++l) x[l] = 0;
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
