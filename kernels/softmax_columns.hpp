// The functions of softmax_rows.hpp on bands of columns (bands.hpp), by the same formulas.
#pragma once

#include "bands.hpp"

namespace softgrad::SOFTGRAD_ISA {

template <class T>
void softmax_columns(Source z, Sink p, Shape shape, int64_t begin, int64_t end, const ExpBelow<T>& below) {
    const Band<T> band(shape, 1, begin, end);
    over_columns<T>(p.entries, p.storage, shape, begin, end, band.columns(), [&](Columns columns) {
        LanePeak<T> peaks[most_tiles];
        Lane<T> factors[most_tiles];
        band.read(z, columns, peaks);
        for (int t = 0; t < band.tiles_of(columns); ++t) {
            if (is_short<T>(shape)) {
                softmax_lanes(band.tile(t), shape.K, below, band.no_traffic, factors[t]);
            } else {
                const auto n = long_exponentials<true>(band.tile(t), shape.K, peaks[t], below);
                for (int l = 0; l < lanes<T>; ++l) factors[t][l] = T((1 / n.of[l].sum()) / unit<T>);
            }
        }
        band.write(p, columns, [&](int t) { return ScaledColumns<T>{band.tile(t)[0], factors[t]}; });
    });
}

template <class T>
void log_softmax_columns(Source z, Sink log_p, Shape shape, int64_t begin, int64_t end, const ExpBelow<T>& below) {
    const Band<T> band(shape, 1, begin, end);
    over_columns<T>(log_p.entries, log_p.storage, shape, begin, end, band.columns(), [&](Columns columns) {
        LanePeak<T> peaks[most_tiles];
        Lane<T> tops[most_tiles], log_sums[most_tiles];
        band.read(z, columns, peaks);
        for (int t = 0; t < band.tiles_of(columns); ++t) {
            if (is_short<T>(shape)) {
                log_softmax_lanes(band.tile(t), shape.K, below, band.no_traffic, tops[t], log_sums[t]);
            } else {
                const auto n = long_exponentials<false>(band.tile(t), shape.K, peaks[t], below);
                copy(n.top, lanes<T>, tops[t]);
                for (int l = 0; l < lanes<T>; ++l) log_sums[t][l] = T(n.of[l].log_sum());
            }
        }
        band.write(log_p, columns, [&](int t) {
            return LogColumns<T>{band.tile(t)[0], tops[t], log_sums[t], below.inverse};
        });
    });
}

template <class T>
void logsumexp_columns(Source z, Sink lse, Shape shape, int64_t begin, int64_t end, const ExpBelow<T>& below) {
    const Band<T> band(shape, 1, begin, end);
    over_columns<T>(z.entries, z.storage, shape, begin, end, band.columns(), [&](Columns columns) {
        LanePeak<T> peaks[most_tiles];
        band.read(z, columns, peaks);
        for (int t = 0; t < band.tiles_of(columns); ++t) {
            const Tile<T> tile = band.tile(t);
            const int count = std::min(lanes<T>, columns.count - t * lanes<T>);
            Lane<T> values;
            if (is_short<T>(shape)) {
                logsumexp_lanes(tile, shape.K, count, below, band.no_traffic, values);
            } else {
                const auto n = long_exponentials<false>(tile, shape.K, peaks[t], below);
                for (int l = 0; l < count; ++l) {
                    const T max = n.of[l].max;
                    values[l] = std::isinf(max) ? max : T(max / Wide<T>(below.temperature) + n.of[l].log_sum());
                    for (int64_t j = 0; std::isinf(max) && j < shape.K; ++j) {
                        values[l] = tile[j][l] == tile[j][l] ? values[l] : std::numeric_limits<T>::quiet_NaN();
                    }
                }
            }
            write(values, count, lse, columns.first_row + t * lanes<T>);
        }
    });
}

// Bands of two arrays and the sums of a product: short(tiles, sums), or long(tiles, above, sums) with the first class
// above `half`. Writes the entries of(tiles, sums).
template <class T, class Short, class Long, class Of>
[[gnu::always_inline]] inline void product_columns(Source x, Source y, Sink out, Shape shape, int64_t begin,
                                                   int64_t end, T half, Short short_sums, Long long_sums, Of of) {
    const Band<T> band(shape, 2, begin, end);
    const auto tiles = [&](int t) { return PairTiles<T>{band.tile(t), band.second_tile(t), band.no_traffic}; };
    over_columns<T>(out.entries, out.storage, shape, begin, end, band.columns(), [&](Columns columns) {
        LaneAbove<T> above[most_tiles];
        LaneSums<T> sums[most_tiles];
        for (auto& a : above) a = LaneAbove<T>(half);
        band.read(x, columns, above);
        band.read_second(y, columns);
        for (int t = 0; t < band.tiles_of(columns); ++t) {
            PairTiles<T> pair = tiles(t);
            if (is_short<T>(shape)) {
                short_sums(pair, sums[t]);
            } else {
                long_sums(pair, above[t], sums[t]);
            }
        }
        band.write(out, columns, [&](int t) { return of(tiles(t), sums[t]); });
    });
}

template <class T>
void softmax_vjp_columns(Source p, Source dp, Sink dz, Shape shape, int64_t begin, int64_t end, T scale) {
    product_columns<T>(
        p, dp, dz, shape, begin, end, T(0.5),
        [=](PairTiles<T>& tiles, LaneSums<T>& sums) { softmax_vjp_sums(tiles, shape.K, scale, sums); },
        [=](PairTiles<T>& tiles, const LaneAbove<T>& above, LaneSums<T>& sums) {
            long_softmax_vjp_sums(tiles.x, tiles.y, shape.K, scale, above, sums);
        },
        [=](const PairTiles<T>& tiles, const LaneSums<T>& sums) { return softmax_vjp_entries(tiles, sums, scale); });
}

template <class T>
void log_softmax_vjp_columns(Source log_p, Source dy, Sink dz, Shape shape, int64_t begin, int64_t end, T scale) {
    product_columns<T>(
        log_p, dy, dz, shape, begin, end, log_half<T>,
        [=](PairTiles<T>& tiles, LaneSums<T>& sums) { log_softmax_vjp_sums(tiles, shape.K, scale, sums); },
        [=](PairTiles<T>& tiles, const LaneAbove<T>& above, LaneSums<T>& sums) {
            long_log_softmax_vjp_sums(tiles.x, tiles.y, shape.K, scale, above, sums);
        },
        [=](const PairTiles<T>& tiles, const LaneSums<T>& sums) { return log_softmax_vjp_entries(tiles, sums); });
}

template <class T>
void log_softmax_jvp_columns(Source log_p, Source dz, Sink dy, Shape shape, int64_t begin, int64_t end, T scale) {
    product_columns<T>(
        log_p, dz, dy, shape, begin, end, log_half<T>,
        [=](PairTiles<T>& tiles, LaneSums<T>& sums) { log_softmax_jvp_sums(tiles, shape.K, scale, sums); },
        [=](PairTiles<T>& tiles, const LaneAbove<T>& above, LaneSums<T>& sums) {
            long_log_softmax_jvp_sums(tiles.x, tiles.y, shape.K, scale, above, sums);
        },
        [=](const PairTiles<T>& tiles, const LaneSums<T>& sums) {
            return log_softmax_jvp_entries(tiles, sums, scale);
        });
}

}  // namespace softgrad::SOFTGRAD_ISA
