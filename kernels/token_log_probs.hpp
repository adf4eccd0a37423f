// The log-probability of one class of each row, with the entropy of the row; and the gradient of both.
//
// With p = softmax(s), d_j = s_j - s_max, and the mean <p, d>, which is not positive:
//     log p_y = d_y - log(sum)                   two terms that are not positive
//     H       = log(sum) - <p, d>                two terms that are not negative
//     dz_j    = (g (delta_jy - p_j) - h p_j (d_j - <p, d>)) / T
// for the upstream gradients g of log p_y and h of H: d_j - <p, d> is log p_j + H, without the log(sum) that cancels.
// At the most probable class d is 0, and 1 - p is the sum of the others.
#pragma once

#include <algorithm>
#include <cmath>

#include "loss_rows.hpp"

namespace softgrad::SOFTGRAD_ISA {

// Log-probabilities and entropies of rows, and what the gradient needs of each; 0 where the token is negative.
template <class T>
void token_log_probs_rows(const LossRows<T>& rows, const int64_t* tokens, T* entropy, TokenRow* saved) {
    for (int64_t i = rows.begin; i < rows.end; ++i) entropy[i] = 0, saved[i] = {};
    rows.over(tokens, [&](const Row<T>& row) {
        const Wide<T> log_sum = row.n.log_sum(), mean = row.mean_difference();
        row.set_loss(row.difference_at(row.y) - log_sum);
        entropy[row.number] = T(log_sum - mean);
        saved[row.number] = {double(row.n.max), double(row.n.at), double(row.n.others), double(mean)};
    });
}

// e_j (a - b d_j), with e_j in units.
template <bool tempered, class T>
[[gnu::noinline]] void token_gradients(const T* z, int64_t K, T max, const ExpBelow<T>& below, T a, T b, T* out,
                                       Background<T>& background) {
    constexpr T lowest = T(ExpConstants<T>::lowest);
    if (below.is_far(max)) {
        for (int64_t j = 0; j < K; ++j) out[j] = z[j] - max;
        z = out, max -= max;
    }
    const typename ExpBelow<T>::Origin origin = below.origin(max);
    const T inverse = below.inverse;
    for (int64_t start = 0; start < K; start += group<T>) {
        const int64_t count = K - start < group<T> ? K - start : group<T>;
#pragma omp simd
        for (int64_t j = start; j < start + count; ++j) {
            const T d = (z[j] - max) * inverse;
            out[j] = below.template exp<tempered>(z[j], origin) * (a - b * (d < lowest ? lowest : d));
        }
        background.advance(count);
    }
}

// The factors a and b, made smaller by 2^excess where they are large: so no product with e_j in units overflows.
template <class W> struct Shrunk {
    W a, b;
    int excess = 0;

    Shrunk(W a, W b) : a(a), b(b) {
        const W largest = std::max(std::abs(a), std::abs(b));
        if (!(largest > W(0x1p50)) || !std::isfinite(largest)) return;
        excess = std::ilogb(largest) - 50;
        this->a = std::ldexp(a, -excess), this->b = std::ldexp(b, -excess);
    }
};

// The gradients of rows, from what token_log_probs_rows saved; either upstream gradient may be null. dz may be z
// itself.
template <class T> struct TokenGradients {
    const int64_t* tokens;
    const TokenRow* saved;
    const T *of_log_probs, *of_entropy;
    double temperature;

    // The same for rows that are counted from row `first`.
    TokenGradients from(int64_t first) const {
        return {tokens + first, saved + first, of_log_probs ? of_log_probs + first : nullptr,
                of_entropy ? of_entropy + first : nullptr, temperature};
    }

    void rows(Source z, Sink dz, int64_t N, int64_t K, int64_t begin, int64_t end) const {
        const ExpBelow<T> below(temperature);
        const RowReader<T> reader(z, K);
        RowWriter<T> writer(dz, begin * K, in_buffers(K), N * K);
        for (int64_t i = begin; i < end; ++i) {
            const int64_t y = label_at(tokens, i, K);
            Background<T> background(reader, &writer, i, end);
            over_stretches(K, [&](int64_t start, int64_t count) {
                T* const out = writer.buffer();
                if (y >= 0) return write(reader.at(i, start, count), i, y, start, count, below, writer, background);
                for (int64_t j = 0; j < count; ++j) out[j] = 0;
                writer.put(count);
            });
        }
    }

  private:
    // Writes entries start..start+count-1 of row i, whose token is y.
    void write(const T* z, int64_t i, int64_t y, int64_t start, int64_t count, const ExpBelow<T>& below,
               RowWriter<T>& writer, Background<T>& background) const {
        const TokenRow row = saved[i];
        const T max = T(row.max);
        const Wide<T> others = row.others, sum = 1 + others, mean = row.mean_difference,
                      scale = 1 / Wide<T>(temperature);
        const Wide<T> g = of_log_probs ? scale * of_log_probs[i] : 0, h = of_entropy ? scale * of_entropy[i] : 0;

        // Elsewhere dz_j = e_j (a - b d_j), whose unit is divided out last, so that a small p_j is rounded once.
        const Shrunk<Wide<T>> shrunk((h * mean - g) / sum, h / sum);
        const auto gradients = temperature == 1 ? token_gradients<false, T> : token_gradients<true, T>;
        gradients(z, count, max, below, T(shrunk.a), T(shrunk.b), writer.buffer(), background);

        T at_y = 0;
        const bool has_y = start <= y && y < start + count;
        if (has_y) {
            const TwoTerms<T> d = tempered_difference(z[y - start], max, temperature);
            const Wide<T> e = exp_in_units(d.hi, d.lo) / Wide<T>(unit<T>);
            const Wide<T> not_y = y == int64_t(row.at) ? others : sum - e;
            at_y = T((g * not_y - (e == 0 ? 0 : h * e * (d.hi - mean))) / sum);
        }
        writer.put(count, std::ldexp(1 / unit<T>, shrunk.excess), has_y ? y - start : -1, at_y);
    }
};

}  // namespace softgrad::SOFTGRAD_ISA
