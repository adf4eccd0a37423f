// A tile of long rows or columns, one in each lane: sums are those of row_exponentials.hpp and softmax_rows.hpp to the
// bit, since they are added up in the order of Accumulator.
#pragma once

#include <cmath>
#include <limits>

#include "row_exponentials.hpp"
#include "softmax_tiles.hpp"

namespace softgrad::SOFTGRAD_ISA {

template <class T> using Index = typename ExpConstants<T>::Int;

// Classes whose terms an Accumulator adds in T: 8 for each of its lanes.
template <class T> constexpr int64_t terms_of_sum = 256 / sizeof(T);

// The sums of Accumulator, one in each lane.
template <class T> class LaneAccumulator {
  public:
    // Adds term(j, i), the terms of class j in the i-th register, for the classes start..start+terms_of_sum-1.
    template <class Term> [[gnu::always_inline]] void add(int64_t start, Term term) {
        for (int64_t part = 0; part < parts; ++part) {
            Lane<T> sum;
            for (int i = 0; i < registers<T>; ++i) {
                const auto y = [&](int64_t k) __attribute__((always_inline)) {
                    return term(start + k * parts + part, i);
                };
                set_register(sum, i, ((y(0) + y(1)) + (y(2) + y(3))) + ((y(4) + y(5)) + (y(6) + y(7))));
            }
            add_to(part, sum);
        }
    }

    Wide<T> total(int l) const {
        Wide<T> sum = 0;
        for (int64_t part = 0; part < parts; ++part) {
            const T high = T(high_[part][l]);
            if constexpr (std::is_same_v<T, double>) {
                sum += std::isinf(high) ? Wide<T>(high) : Wide<T>(high) + low_[part][l];
            } else {
                sum += high_[part][l];
            }
        }
        return sum;
    }

  private:
    static constexpr int64_t parts = terms_of_sum<T> / 8;

    [[gnu::always_inline]] void add_to(int64_t part, const Lane<T>& x) {
        double* const high = high_[part];
        if constexpr (std::is_same_v<T, float>) {
#pragma omp simd
            for (int l = 0; l < lanes<T>; ++l) high[l] += double(x[l]);
        } else {  // Knuth's two-sum
            double* const low = low_[part];
#pragma omp simd
            for (int l = 0; l < lanes<T>; ++l) {
                const double sum = high[l] + x[l], x_seen = sum - high[l];
                low[l] += (high[l] - (sum - x_seen)) + (x[l] - x_seen);
                high[l] = sum;
            }
        }
    }

    alignas(64) double high_[parts][lanes<T>] = {};
    alignas(64) double low_[std::is_same_v<T, double> ? parts : 1][lanes<T>] = {};
};

// The largest entry of each lane and its first index, as peak() has them.
template <class T> struct LanePeak {
    Entries<T, wide<T>> max[registers<T>];
    Entries<Index<T>, wide<T>> at[registers<T>]{};
    LanePeak() {
        for (auto& m : max) m = Entries<T, wide<T>>{} - std::numeric_limits<T>::infinity();
    }
    [[gnu::always_inline]] void see(int64_t j, int i, Entries<T, wide<T>> x) {
        const auto is_above = x > max[i];
        max[i] = is_above ? x : max[i];
        at[i] = is_above ? Entries<Index<T>, wide<T>>{} + Index<T>(j) : at[i];
    }
};

// The first class of each lane above `half`, or -1.
template <class T> struct LaneAbove {
    T half;
    Entries<Index<T>, wide<T>> at[registers<T>];
    explicit LaneAbove(T half = 0) : half(half) {
        for (auto& index : at) index = Entries<Index<T>, wide<T>>{} - 1;
    }
    [[gnu::always_inline]] void see(int64_t j, int i, Entries<T, wide<T>> x) {
        at[i] = (x > half) & (at[i] < 0) ? Entries<Index<T>, wide<T>>{} + Index<T>(j) : at[i];
    }
};

// The exponentials of a tile, and the normalizer of each lane. Differences s_j - s_max are (tile[j] - top) /
// temperature.
template <class T> struct LongNormalizers {
    Normalizer<T> of[lanes<T>];
    Lane<T> top;
};

template <bool tempered, bool keep, class T>
[[gnu::noinline]] void long_exponentials_of(Tile<T> tile, int64_t K, const LanePeak<T>& peak, ExpBelow<T> below,
                                            LongNormalizers<T>& n) {
    constexpr int L = lanes<T>;
    Lane<T> max;
    Index<T> at[L];
    for (int i = 0; i < registers<T>; ++i) {
        set_register(max, i, peak.max[i]);
        set_entries<wide<T>>(at + i * wide<T>, peak.at[i]);
    }
    const LaneOrigins<T> o = origins(tile, K, max, below);
    LaneAccumulator<T> sum;
    alignas(64) T kept[terms_of_sum<T> * L];
    for (int64_t start = 0; start < K; start += terms_of_sum<T>) {
        const int64_t count = std::min(terms_of_sum<T>, K - start);
        T* const s = tile[start];
        T* const e = keep ? s : kept;
        for (int64_t j = 0; j < count * L; j += L) {
#pragma omp simd
            for (int l = 0; l < L; ++l) {
                e[j + l] = below.template exp<tempered>(s[j + l], {o.top[l], o.lowest[l], o.magic[l], o.rest[l]});
            }
        }
        if (!keep && count < terms_of_sum<T>) fill(e + count * L, (terms_of_sum<T> - count) * L, T(0));
        sum.add(
            start, [&](int64_t j, int i) __attribute__((always_inline)) {
                const auto is_max = peak.at[i] == Index<T>(j);
                return is_max ? Entries<T, wide<T>>{} : in_register(e + (j - start) * L, i);
            });
    }
    copy(o.top, L, n.top);
    for (int l = 0; l < L; ++l) {
        const bool nan = std::isinf(max[l]);
        n.of[l] = {max[l], at[l], nan ? std::numeric_limits<T>::quiet_NaN() : sum.total(l) / unit<T>};
    }
}

// `keep` overwrites the tile with the exponentials in units.
template <bool keep, class T>
LongNormalizers<T> long_exponentials(Tile<T> tile, int64_t K, const LanePeak<T>& peak, const ExpBelow<T>& below) {
    LongNormalizers<T> n;
    if (below.temperature == 1) {
        long_exponentials_of<false, keep>(tile, K, peak, below, n);
    } else {
        long_exponentials_of<true, keep>(tile, K, peak, below, n);
    }
    return n;
}

// The scalars of a product, lane by lane, of the class m with p_m > 1/2 if there is one.
template <class T> struct LongSums {
    LaneSums<T> of;
    LaneAccumulator<T> of_x, of_products;

    explicit LongSums(const LaneAbove<T>& above) {
        for (int i = 0; i < registers<T>; ++i) set_entries<wide<T>>(of.top + i * wide<T>, above.at[i]);
    }
    // The entry of m, or 0.
    Wide<T> at_top(Tile<T> tile, int l) const { return of.top[l] < 0 ? T(0) : tile[of.top[l]][l]; }
};

// x y, rounded: a sum of products that are fused would depend on the instruction set.
template <class V> [[gnu::always_inline]] inline V rounded_product(V x, V y) {
    V product = x * y;
#if defined(__AVX__)
    asm("" : "+x"(product));
#endif
    return product;
}

template <class T>
[[gnu::noinline]] void long_softmax_vjp_sums(Tile<T> p, Tile<T> dp, int64_t K, T scale, const LaneAbove<T>& above,
                                             LaneSums<T>& to) {
    constexpr int L = lanes<T>;
    LongSums<T> sums(above);
    for (int64_t start = 0; start < K; start += terms_of_sum<T>) {
        sums.of_x.add(
            start, [&](int64_t j, int i) __attribute__((always_inline)) {
                return above.at[i] == Index<T>(j) ? Entries<T, wide<T>>{} : in_register(p[j], i);
            });
        sums.of_products.add(
            start, [&](int64_t j, int i) __attribute__((always_inline)) {
                const auto product = rounded_product(in_register(p[j], i), in_register(dp[j], i));
                return above.at[i] == Index<T>(j) ? Entries<T, wide<T>>{} : product;
            });
    }
    to = sums.of;
    for (int l = 0; l < L; ++l) {
        const Wide<T> p_m = sums.at_top(p, l), dp_m = sums.at_top(dp, l);
        const Wide<T> others = sums.of_x.total(l), others_product = sums.of_products.total(l);
        to.of_all[l] = T(others + p_m);
        to.inner_of_all[l] = T(others_product + dp_m * p_m);
        to.at_top[l] = T(scale * (p_m * (dp_m * others - others_product)));
    }
}

template <class T>
[[gnu::noinline]] void long_log_softmax_vjp_sums(Tile<T> log_p, Tile<T> dy, int64_t K, T scale,
                                                 const LaneAbove<T>& above, LaneSums<T>& to) {
    constexpr int L = lanes<T>;
    LongSums<T> sums(above);
    for (int64_t start = 0; start < K; start += terms_of_sum<T>) {
        sums.of_x.add(
            start, [&](int64_t j, int i) __attribute__((always_inline)) {
                return above.at[i] == Index<T>(j) ? Entries<T, wide<T>>{} : in_register(dy[j], i);
            });
    }
    to = sums.of;
    for (int l = 0; l < L; ++l) {
        const T log_p_m = T(sums.at_top(log_p, l));
        const Wide<T> dy_m = sums.at_top(dy, l), q_m = one_minus_exp(log_p_m), others = sums.of_x.total(l);
        to.of_all[l] = T(others + dy_m);
        to.at_top[l] = T(scale * (dy_m * q_m - (1 - q_m) * others));
    }
    for (int64_t j = 0; j < K; ++j) {
#pragma omp simd
        for (int l = 0; l < L; ++l) {
            dy[j][l] = scale * (dy[j][l] - exp_nonpositive(log_p[j][l]) * to.of_all[l]);
        }
    }
}

template <class T>
[[gnu::noinline]] void long_log_softmax_jvp_sums(Tile<T> log_p, Tile<T> dz, int64_t K, T scale,
                                                 const LaneAbove<T>& above, LaneSums<T>& to) {
    constexpr int L = lanes<T>;
    LongSums<T> sums(above);
    for (int64_t start = 0; start < K; start += terms_of_sum<T>) {
        const int64_t count = std::min(terms_of_sum<T>, K - start);
        alignas(64) T products[terms_of_sum<T> * L];
        for (int64_t j = 0; j < count; ++j) {
#pragma omp simd
            for (int l = 0; l < L; ++l) {
                products[j * L + l] = exp_nonpositive(log_p[start + j][l]) * dz[start + j][l];
            }
        }
        if (count < terms_of_sum<T>) fill(products + count * L, (terms_of_sum<T> - count) * L, T(0));
        sums.of_products.add(
            start, [&](int64_t j, int i) __attribute__((always_inline)) {
                const auto product = in_register(products + (j - start) * L, i);
                return above.at[i] == Index<T>(j) ? Entries<T, wide<T>>{} : product;
            });
    }
    to = sums.of;
    for (int l = 0; l < L; ++l) {
        const T log_p_m = T(sums.at_top(log_p, l));
        const Wide<T> dz_m = sums.at_top(dz, l), q_m = one_minus_exp(log_p_m), others = sums.of_products.total(l);
        to.of_all[l] = T(others + (1 - q_m) * dz_m);
        to.at_top[l] = T(scale * (dz_m * q_m - others));
    }
}

}  // namespace softgrad::SOFTGRAD_ISA
