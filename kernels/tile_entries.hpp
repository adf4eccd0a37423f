// Between rows and lanes: a tile's rows, as an array stores them one after another, and its columns in registers.
//
// A register holds one entry of `wide` rows. Entries are widened and narrowed on the way. Whole registers are stored to
// a tile: a load waits long for what two stores have just written.
#pragma once

#include "row_writer.hpp"
#include "stored_entries.hpp"

namespace softgrad::SOFTGRAD_ISA {

template <class T> constexpr int lanes = 128 / sizeof(T);
template <class T> constexpr int wide = vector_bytes / sizeof(T);
// The side of the blocks that are transposed: `wide`, or half of it where that is 64 bytes.
template <class T> constexpr int block_side = (vector_bytes < 32 ? vector_bytes : 32) / sizeof(T);

// Rows of at least `block_side` entries, in blocks of `block_side` entries of some rows. Blocks overlap where K is not
// a multiple of `block_side`.
template <class T> struct Blocks {
    static constexpr int n = block_side<T>, W = wide<T>;

    template <Storage storage> static void to_lanes(const Stored<storage, T>* rows, int64_t K, T* tile) {
        for (int l = 0; l < lanes<T>; l += W, rows += W * K, tile += W) {
            for (int64_t j = 0; j < K; j += n) {
                const int64_t start = j + n <= K ? j : K - n;
                block_to_lanes<storage>(rows + start, K, tile + start * lanes<T>);
            }
        }
    }

    template <Storage storage, class Column>
    static void to_rows(int64_t K, Stored<storage, T>* rows, const Column& column) {
        for (int l = 0; l < lanes<T>; l += n, rows += n * K) {
            for (int64_t j = 0; j < K; j += n) {
                const int64_t start = j + n <= K ? j : K - n;
                block_to_rows<storage>(l, start, K, rows + start, column);
            }
        }
    }

  private:
    template <Storage storage>
    [[gnu::always_inline]] static void block_to_lanes(const Stored<storage, T>* rows, int64_t K, T* tile) {
        Entries<T, W> x[n];
        for (int r = 0; r < n; ++r, rows += K) {
            if constexpr (W == n) {
                x[r] = read_entries<storage, T, n>(rows);
            } else {
                x[r] = join(read_entries<storage, T, n>(rows), read_entries<storage, T, n>(rows + n * K),
                            std::make_integer_sequence<int, W>());
            }
        }
        transpose_registers(x);
        for (int c = 0; c < n; ++c) write_entries<Storage::itself, T, W>(x[c], tile + c * lanes<T>);
    }

    template <Storage storage, class Column>
    [[gnu::always_inline]] static void block_to_rows(int l, int64_t j, int64_t K, Stored<storage, T>* rows,
                                                     const Column& column) {
        Entries<T, n> x[n];
        for (int c = 0; c < n; ++c) x[c] = column.template at<n>(j + c, l);
        transpose_registers(x);
        for (int r = 0; r < n; ++r, rows += K) write_entries<storage, T, n>(x[r], rows);
    }

    template <class V, int... k>
    [[gnu::always_inline]] static Entries<T, W> join(V a, V b, std::integer_sequence<int, k...>) {
        return __builtin_shufflevector(a, b, k...);
    }
};

// Rows of K < block_side entries: `wide` of them are K registers as they are stored, and K registers as lanes.
template <class T, int K> struct Interleaved {
    static constexpr int W = wide<T>;
    using V = Entries<T, W>;

    template <Storage storage> static void to_lanes(const Stored<storage, T>* rows, T* tile) {
        for (int l = 0; l < lanes<T>; l += W, rows += W * K, tile += W) {
            V x[K];
            for (int i = 0; i < K; ++i) x[i] = read_entries<storage, T, W>(rows + i * W);
            write_lanes(x, tile, std::make_integer_sequence<int, K>());
        }
    }

    template <Storage storage, class Column> static void to_rows(Stored<storage, T>* rows, const Column& column) {
        for (int l = 0; l < lanes<T>; l += W, rows += W * K) {
            V x[K];
            for (int j = 0; j < K; ++j) x[j] = column.template at<W>(j, l);
            write_rows<storage>(x, rows, std::make_integer_sequence<int, K>());
        }
    }

  private:
    // Where lane l of the i-th register comes from: among the K * W entries of the others.
    struct ToLanes {
        static constexpr int from(int i, int l) { return l * K + i; }
    };
    struct ToRows {
        static constexpr int from(int i, int l) { return (i * W + l) % K * W + (i * W + l) / K; }
    };

    template <int... j>
    [[gnu::always_inline]] static void write_lanes(const V (&x)[K], T* tile, std::integer_sequence<int, j...>) {
        (write_entries<Storage::itself, T, W>(pick<ToLanes, j>(x), tile + j * lanes<T>), ...);
    }
    template <Storage storage, int... i>
    [[gnu::always_inline]] static void write_rows(const V (&x)[K], Stored<storage, T>* rows,
                                                  std::integer_sequence<int, i...>) {
        (write_entries<storage, T, W>(pick<ToRows, i>(x), rows + i * W), ...);
    }

    // The i-th register, whose entries are taken from one of the others after another.
    template <class Map, int i> [[gnu::always_inline]] static V pick(const V (&x)[K]) {
        return take<Map, i, 1>(x, x[0], std::make_integer_sequence<int, W>());
    }
    // x[part] has the entries from part * W on. `taken` has those before, where they belong, or for part = 1 all of
    // x[0].
    template <class Map, int i, int part, int... l>
    [[gnu::always_inline]] static V take(const V (&x)[K], V taken, std::integer_sequence<int, l...> all) {
        if constexpr (part >= K) {
            return taken;
        } else {
            constexpr auto from = [](int lane) {
                const int entry = Map::from(i, lane);
                return part == 1 && entry < 2 * W ? entry : entry / W == part ? W + entry % W : lane;
            };
            return take<Map, i, part + 1>(x, __builtin_shufflevector(taken, x[part], from(l)...), all);
        }
    }
};

// work(k) with k = K as a constant, if K < end.
template <int end, class Work> [[gnu::always_inline]] inline void with_constant(int64_t K, Work work) {
    if constexpr (end > 1) {
        if (K == end - 1) return work(std::integral_constant<int, end - 1>());
        with_constant<end - 1>(K, work);
    }
}

// Rows of an even number of 16-bit entries, fewer than 16: two of them are moved as one entry of 32 bits, in half as
// many registers. Shuffles of shorter registers take too long for it.
template <Storage storage> struct Pairs {
    static constexpr int W = wide<float>;

    static bool fit(int64_t K) { return vector_bytes == 64 && K % 2 == 0 && K < 2 * block_side<float>; }

    static void to_lanes(const void* rows, int64_t K, float* tile) {
        float* pairs = tile + K / 2 * lanes<float>;  // no column is overwritten before it is read
        with_constant<block_side<float>>(K / 2, [&](auto k) {
            Interleaved<float, k>::template to_lanes<Storage::itself>(static_cast<const float*>(rows), pairs);
        });
        for (int64_t j = 0; j < K; j += 2, tile += 2 * lanes<float>, pairs += lanes<float>) {
            for (int l = 0; l < lanes<float>; l += W) {
                const auto both = (Entries<uint32_t, W>)read_entries<Storage::itself, float, W>(pairs + l);
                const Entries<float, W> first = widened<storage, W>(both & 0xffff),
                                        second = widened<storage, W>(both >> 16);
                write_entries<Storage::itself, float, W>(first, tile + l);
                write_entries<Storage::itself, float, W>(second, tile + lanes<float> + l);
            }
        }
    }

    template <class Column> static void to_rows(int64_t K, void* rows, const Column& column) {
        with_constant<block_side<float>>(K / 2, [&](auto k) {
            Interleaved<float, k>::template to_rows<Storage::itself>(static_cast<float*>(rows),
                                                                     Columns<Column>{column});
        });
    }

  private:
    template <class Column> struct Columns {
        const Column& column;
        template <int n> [[gnu::always_inline]] Entries<float, n> at(int64_t j, int l) const {
            const auto first = rounded<storage, float, n>(column.template at<n>(2 * j, l)),
                       second = rounded<storage, float, n>(column.template at<n>(2 * j + 1, l));
            return (Entries<float, n>)(in_32_bits<n>(first) | in_32_bits<n>(second) << 16);
        }
    };
};

// tile[j * lanes + l] = entry j of row l
template <Storage storage, class T> [[gnu::noinline]] void to_lanes(const void* from, int64_t K, T* tile) {
    if constexpr (storage != Storage::itself) {
        if (Pairs<storage>::fit(K)) return Pairs<storage>::to_lanes(from, K, tile);
    }
    const auto rows = static_cast<const Stored<storage, T>*>(from);
    if (K >= block_side<T>) return Blocks<T>::template to_lanes<storage>(rows, K, tile);
    with_constant<block_side<T>>(K, [&](auto k) { Interleaved<T, k>::template to_lanes<storage>(rows, tile); });
}

// Entry j of row l = entry l of column j, of which column.at<n>(j, l) computes n from l on: in the registers in which
// they are transposed.
template <Storage storage, class T, class Column>
[[gnu::noinline]] void to_rows(int64_t K, void* to, const Column column) {
    if constexpr (storage != Storage::itself) {
        if (Pairs<storage>::fit(K)) return Pairs<storage>::to_rows(K, to, column);
    }
    const auto rows = static_cast<Stored<storage, T>*>(to);
    if (K >= block_side<T>) return Blocks<T>::template to_rows<storage>(K, rows, column);
    with_constant<block_side<T>>(K, [&](auto k) { Interleaved<T, k>::template to_rows<storage>(rows, column); });
}

// n entries of a buffer, and the same to write.
template <int n, class T> [[gnu::always_inline]] inline Entries<T, n> entries(const T* x) {
    return *reinterpret_cast<const UnalignedEntries<T, n>*>(x);
}
template <int n, class T> [[gnu::always_inline]] inline void set_entries(T* x, Entries<T, n> to) {
    *reinterpret_cast<UnalignedEntries<T, n>*>(x) = to;
}

}  // namespace softgrad::SOFTGRAD_ISA
