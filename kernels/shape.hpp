// An array seen around its class axis.
#pragma once

#include <cstdint>

namespace softgrad {

// (outer, K, inner), contiguous: entry j of row (o, i) is at (o * K + j) * inner + i. inner = 1 where the classes are
// last. Kernels that take a Shape are given a range of the rows, counted o * inner + i.
struct Shape {
    int64_t outer, K, inner;
    int64_t rows() const { return outer * inner; }
};

// Rows along an inner axis that a thread takes together: a cache line of 16-bit entries.
constexpr int64_t rows_side_by_side = 32;

// Rows up to this length go through tiles; measured where the two meet.
template <class T> constexpr int64_t short_row = 512 / sizeof(T);

// A longer row is computed in stretches of its entries, which stay in the cache: so the buffers of a thread are
// bounded, however long the row is. The exponentials are computed again in each pass over the row.
constexpr int64_t long_row = 1 << 18, stretch = 1 << 14;

// The entries that are in the buffers at a time.
inline int64_t in_buffers(int64_t K) { return K <= long_row ? K : stretch; }

// Calls work(start, count) for the parts of a row that are in the buffers one after another.
template <class Work> [[gnu::always_inline]] inline void over_stretches(int64_t K, Work work) {
    const int64_t most = in_buffers(K);
    for (int64_t start = 0; start < K; start += most) work(start, K - start < most ? K - start : most);
}

}  // namespace softgrad
