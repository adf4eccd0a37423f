// Blocks of side x side entries, transposed in registers.
#pragma once

#include <cstdint>
#include <utility>

namespace softgrad::SOFTGRAD_ISA {

template <class T> constexpr int side = 32 / sizeof(T);

// n entries in a register, and the same at any address. In structs, since Clang ignores the alignment of an alias
// template.
template <class T, int n> struct EntriesOf {
    typedef T type [[gnu::vector_size(n * sizeof(T))]];
    typedef T unaligned [[gnu::vector_size(n * sizeof(T)), gnu::aligned(alignof(T)), gnu::may_alias]];
};
template <class T, int n> using Entries = typename EntriesOf<T, n>::type;
template <class T, int n> using UnalignedEntries = typename EntriesOf<T, n>::unaligned;

// Swaps the two corners off the diagonal in each square of 2s x 2s entries, for its rows a = r and b = r + s.
template <int s, class V, int... k>
[[gnu::always_inline]] inline void swap_corners(V& a, V& b, std::integer_sequence<int, k...>) {
    constexpr int n = sizeof...(k);
    const V upper = __builtin_shufflevector(a, b, (k & s ? n + k - s : k)...);
    b = __builtin_shufflevector(a, b, (k & s ? n + k : k + s)...);
    a = upper;
}

template <int s, class V, int n> [[gnu::always_inline]] inline void swap_all_corners(V (&rows)[n]) {
    constexpr int entries = sizeof(V) / sizeof(rows[0][0]);
    for (int r = 0; r < n; ++r) {
        if (!(r & s)) swap_corners<s>(rows[r], rows[r + s], std::make_integer_sequence<int, entries>());
    }
}

// Transposes n rows of n entries; of wider rows, each n entries by themselves.
template <class V, int n> [[gnu::always_inline]] inline void transpose_registers(V (&rows)[n]) {
    if constexpr (n > 8) swap_all_corners<8>(rows);
    if constexpr (n > 4) swap_all_corners<4>(rows);
    if constexpr (n > 2) swap_all_corners<2>(rows);
    swap_all_corners<1>(rows);
}

// to[c * to_stride + r] = from[r * from_stride + c]
template <class T>
[[gnu::always_inline]] inline void transpose_block(const T* from, int64_t from_stride, T* to, int64_t to_stride) {
    constexpr int n = side<T>;
    Entries<T, n> rows[n];
    for (int r = 0; r < n; ++r) rows[r] = *reinterpret_cast<const UnalignedEntries<T, n>*>(from + r * from_stride);
    transpose_registers(rows);
    for (int c = 0; c < n; ++c) *reinterpret_cast<UnalignedEntries<T, n>*>(to + c * to_stride) = rows[c];
}

// Transposes a matrix, its first rows first, or its first columns. Blocks overlap where a side of the matrix is not a
// multiple of theirs. The rows to come are fetched where they are read first.
template <bool columns_first = false, class T>
void transpose(const T* from, int64_t rows, int64_t columns, int64_t from_stride, T* to, int64_t to_stride) {
    constexpr int n = side<T>;
    if (rows < n || columns < n) {
        for (int64_t r = 0; r < rows; ++r) {
            for (int64_t c = 0; c < columns; ++c) to[c * to_stride + r] = from[r * from_stride + c];
        }
        return;
    }
    const int64_t outer_length = columns_first ? columns : rows, inner_length = columns_first ? rows : columns;
    for (int64_t outer = 0; outer < outer_length; outer += n) {
        const int64_t o = outer + n <= outer_length ? outer : outer_length - n;
        for (int64_t inner = 0; inner < inner_length; inner += n) {
            const int64_t i = inner + n <= inner_length ? inner : inner_length - n;
            const int64_t r = columns_first ? i : o, c = columns_first ? o : i;
            if (!columns_first && outer + 2 * n <= rows && inner % (64 / int64_t(sizeof(T))) == 0) {
                for (int64_t row = r + n; row < r + 2 * n; ++row)
                    __builtin_prefetch(from + row * from_stride + c, 0, 3);
            }
            transpose_block(from + r * from_stride + c, from_stride, to + c * to_stride + r, to_stride);
        }
    }
}

}  // namespace softgrad::SOFTGRAD_ISA
