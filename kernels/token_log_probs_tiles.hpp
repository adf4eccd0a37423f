// token_log_probs.hpp on tiles of rows (tiles.hpp), for rows of float32 shorter than a few vectors. Every number is the
// one that it computes for a row: sums are added in the same order, and the scalars of a row are double here too.
#pragma once

#include "cross_entropy_tiles.hpp"
#include "token_log_probs.hpp"

namespace softgrad::SOFTGRAD_ISA {

// One double per lane.
using WideLane = double[lanes<float>];

// The sum of each lane in the order of Accumulator: eight entries, 8 apart, are added by halves.
inline void lane_totals(Tile<float> tile, int64_t K, WideLane& to) {
    constexpr int apart = int(Accumulator<float>::lanes), L = lanes<float>;
    static constexpr Lane<float> zeros{};
    fill(to, L, 0.0);
    for (int64_t first = 0; first < std::min<int64_t>(K, apart); ++first) {
        WideLane total{};
        for (int64_t start = first; start < K; start += 8 * apart) {
            const float* x[8];
            for (int k = 0; k < 8; ++k) x[k] = start + k * apart < K ? tile[start + k * apart] : zeros;
#pragma omp simd
            for (int l = 0; l < L; ++l) {
                total[l] += ((x[0][l] + x[1][l]) + (x[2][l] + x[3][l])) + ((x[4][l] + x[5][l]) + (x[6][l] + x[7][l]));
            }
        }
#pragma omp simd
        for (int l = 0; l < L; ++l) to[l] += total[l];
    }
}

// The tokens of a tile; -1 in a lane without a row, or whose row is ignored.
inline void labels_of(const int64_t* tokens, Place at, int64_t K, int32_t* label) {
    for (int l = 0; l < lanes<float>; ++l) label[l] = l < at.rows ? int32_t(label_at(tokens, at.first_row + l, K)) : -1;
}

// Fills two tiles from one of logits z, which changes if they are far: e_j in units without that of the largest logit,
// and e_j (s_j - s_max).
template <bool tempered>
[[gnu::noinline]] void token_exponentials(Tile<float> z, int64_t K, const ExpBelow<float>& below,
                                          const LaneOrigins<float>& o, const int32_t* at_max, Tile<float> others,
                                          Tile<float> products) {
    constexpr float lowest = ExpConstants<float>::lowest;
    for (int64_t j = 0; j < K; ++j) {
        float *const s = z[j], *const other = others[j], *const product = products[j];
#pragma omp simd
        for (int l = 0; l < lanes<float>; ++l) {
            const float d = (s[l] - o.top[l]) * below.inverse;
            const float e = below.template exp<tempered>(s[l], {o.top[l], o.lowest[l], o.magic[l], o.rest[l]});
            product[l] = d < lowest ? 0.0f : e * d;
            other[l] = at_max[l] == int32_t(j) ? 0.0f : e;
        }
    }
}

inline void token_log_probs_tiles(const LossRows<float>& rows, const int64_t* tokens, float* entropy, TokenRow* saved) {
    constexpr int L = lanes<float>;
    const int64_t K = rows.K;
    const ExpBelow<float> below(rows.options.temperature);
    const TileBuffer<float> of_z(K), of_others(K), of_products(K);
    const Tile<float> z = of_z.tile(), others = of_others.tile(), products = of_products.tile();
    const auto exponentials = below.temperature == 1 ? token_exponentials<false> : token_exponentials<true>;
    const char* fetched;
    over_places<float>(rows.begin, rows.end, [&](Place at) {
        load(rows.z, at, K, z, fetched);
        int32_t label[L], at_max[L]{};
        labels_of(tokens, at, K, label);
        Lane<float> max, z_y, log_p, H;
        fill(max, L, -std::numeric_limits<float>::infinity());
        for (int64_t j = 0; j < K; ++j) {
            const float* const s = z[j];
#pragma omp simd
            for (int l = 0; l < L; ++l) {
                at_max[l] = s[l] > max[l] ? int32_t(j) : at_max[l];
                max[l] = s[l] > max[l] ? s[l] : max[l];
            }
        }
        const LaneOrigins<float> o = origins(z, K, max, below);
        exponentials(z, K, below, o, at_max, others, products);
        at_labels(z, K, label, z_y);
        WideLane sum, mean;
        lane_totals(others, K, sum), lane_totals(products, K, mean);
#pragma omp simd
        for (int l = 0; l < L; ++l) {
            sum[l] = std::isinf(max[l]) ? std::numeric_limits<double>::quiet_NaN() : sum[l] / unit<float>;
            mean[l] = mean[l] / unit<float> / (1 + sum[l]);
            const double log_sum = log1p_nonnegative(sum[l]);
            log_p[l] = label[l] < 0 ? 0.0f : float((z_y[l] - o.top[l]) * below.inverse - log_sum);
            H[l] = label[l] < 0 ? 0.0f : float(log_sum - mean[l]);
        }
        copy(log_p, at.rows, rows.loss + at.first_row);
        copy(H, at.rows, entropy + at.first_row);
        for (int l = 0; l < at.rows; ++l) {
            const TokenRow row{max[l], double(at_max[l]), sum[l], mean[l]};
            saved[at.first_row + l] = label[l] < 0 ? TokenRow{} : row;
        }
    });
}

// Replaces a tile of logits by e_j (a - b d_j), with e_j in units.
template <bool tempered>
[[gnu::noinline]] void token_gradients_of(Tile<float> tile, int64_t K, const ExpBelow<float>& below,
                                          const LaneOrigins<float>& o, const Lane<float>& a, const Lane<float>& b) {
    constexpr float lowest = ExpConstants<float>::lowest;
    for (int64_t j = 0; j < K; ++j) {
        float* const s = tile[j];
#pragma omp simd
        for (int l = 0; l < lanes<float>; ++l) {
            const float d = (s[l] - o.top[l]) * below.inverse;
            const float e = below.template exp<tempered>(s[l], {o.top[l], o.lowest[l], o.magic[l], o.rest[l]});
            s[l] = e * (a[l] - b[l] * (d < lowest ? lowest : d));
        }
    }
}

// TokenGradients::rows.
inline void token_gradients_tiles(const TokenGradients<float>& of, Source from, Sink dz, Shape shape, int64_t begin,
                                  int64_t end) {
    constexpr int L = lanes<float>;
    const int64_t K = shape.K;
    const ExpBelow<float> below(of.temperature);
    const double scale = 1 / of.temperature;
    const TileBuffer<float> buffer(K);
    const Tile<float> z = buffer.tile();
    Traffic traffic(from.storage);
    TileWriter<float> writer(dz, shape, begin, traffic);
    const auto gradients = below.temperature == 1 ? token_gradients_of<false> : token_gradients_of<true>;
    LossLanes<float> to;
    over_places<float>(begin, end, [&](Place at) {
        load(from, at, K, z, traffic.next);
        labels_of(of.tokens, at, K, to.label);
        Lane<float> max{}, z_y, a, b;
        WideLane g{}, h{}, others{}, mean{}, at_max{};
        for (int l = 0; l < at.rows; ++l) {
            const int64_t i = at.first_row + l;
            if (to.label[l] < 0) continue;
            max[l] = float(of.saved[i].max), at_max[l] = of.saved[i].at;
            others[l] = of.saved[i].others, mean[l] = of.saved[i].mean_difference;
            g[l] = of.of_log_probs ? scale * of.of_log_probs[i] : 0,
            h[l] = of.of_entropy ? scale * of.of_entropy[i] : 0;
        }
        at_labels(z, K, to.label, z_y);
        int large = 0;
#pragma omp simd reduction(| : large)
        for (int l = 0; l < L; ++l) {
            const double sum = 1 + others[l], wide_a = (h[l] * mean[l] - g[l]) / sum, wide_b = h[l] / sum;
            large |= !(std::abs(wide_a) <= 0x1p50 && std::abs(wide_b) <= 0x1p50);
            a[l] = float(wide_a), b[l] = float(wide_b);
            const TwoTerms<float> d = tempered_difference(z_y[l], max[l], of.temperature);
            const double e = exp_in_units(d.hi, d.lo) / double(unit<float>);
            const double not_y = to.label[l] == at_max[l] ? others[l] : sum - e;
            to.grad_y[l] = float((g[l] * not_y - (e == 0 ? 0 : h[l] * e * (d.hi - mean[l]))) / sum);
            to.before[l] = 1, to.factor[l] = 1 / unit<float>;
        }
        for (int l = 0; large && l < L; ++l) {
            const double sum = 1 + others[l], wide_a = (h[l] * mean[l] - g[l]) / sum, wide_b = h[l] / sum;
            const Shrunk<double> shrunk(wide_a, wide_b);
            a[l] = float(shrunk.a), b[l] = float(shrunk.b), to.factor[l] = std::ldexp(1 / unit<float>, shrunk.excess);
        }
        gradients(z, K, below, origins(z, K, max, below), a, b);
        for (int l = 0; l < at.rows; ++l) {  // even where its logits are NaN
            for (int64_t j = 0; to.label[l] < 0 && j < K; ++j) z[j][l] = 0;
        }
        writer.put(at, to.columns(z));
    });
}

}  // namespace softgrad::SOFTGRAD_ISA
