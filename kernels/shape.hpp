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

// Rows along an inner axis that a thread takes together: a cache line of the widest array's, so that two threads share
// none if the rows begin at one.
constexpr int64_t rows_side_by_side = 32;

// Rows up to this length go through tiles; measured where the two meet.
template <class T> constexpr int64_t short_row = 512 / sizeof(T);

}  // namespace softgrad
