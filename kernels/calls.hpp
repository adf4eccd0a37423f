// What the bindings share: they release the GIL, split the rows over threads, and call through the table of the chosen
// instruction set.
#pragma once

#include <nanobind/nanobind.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <type_traits>

#include "dispatch.hpp"
#include "gil.hpp"
#include "threads.hpp"

namespace softgrad {

inline std::atomic<int64_t> num_threads{1};
inline const InstructionSet* chosen = nullptr;

// What entries of type E are computed in. 16-bit floats come as the integers that hold their bits.
template <class E> using Computed = std::conditional_t<std::is_same_v<E, uint16_t>, float, E>;

template <class E> Storage storage(bool bfloat16) {
    if constexpr (std::is_same_v<E, uint16_t>) return bfloat16 ? Storage::bfloat16 : Storage::float16;
    return Storage::itself;
}

template <class T> const Kernels<T>& kernels() {
    if constexpr (std::is_same_v<T, float>) {
        return chosen->f32;
    } else {
        return chosen->f64;
    }
}

// Releases the GIL during the computation.
class WithoutGil {
  public:
    ~WithoutGil() { restore_thread(state_); }

  private:
    PyThreadState* const state_ = PyEval_SaveThread();
};

// So many exponentials take about a microsecond; to release the GIL would take a tenth of that.
constexpr int64_t few = 1024;

// Rows along an inner axis that a thread takes together: as many as are read of each page at a time, if each thread
// has some parts of that size, and whole cache lines.
inline int64_t rows_together(Shape shape) {
    constexpr int64_t most = 8 * rows_side_by_side, parts = 4;
    if (shape.inner == 1) return 1;
    const int64_t rows = std::min(most, shape.rows() / (parts * num_threads));
    return std::max(rows_side_by_side, rows / rows_side_by_side * rows_side_by_side);
}

// Calls rows(begin, end) on the threads.
template <class Rows> void run(Shape shape, int64_t exponentials, const Rows& rows) {
    if (exponentials <= few) return rows(0, shape.rows());
    const WithoutGil without_gil;
    split_rows(shape.rows(), rows_together(shape), exponentials, num_threads, rows);
}

template <class T> const typename Kernels<T>::NamedLoss& loss_named(std::string_view name) {
    for (const typename Kernels<T>::NamedLoss& loss : kernels<T>().losses) {
        if (name == loss.name) return loss;
    }
    throw nanobind::value_error("no loss of this name");
}

// The sum of the losses over the denominator, rounded once; 0 where that is 0.
template <class T> T total(const T* losses, int64_t N, double denominator) {
    return denominator == 0 ? T(0) : T(kernels<T>().mean(losses, N, denominator));
}

// The first label outside 0..K-1, or -1.
inline int64_t find_label_outside(const int64_t* y, int64_t N, int64_t K) {
    constexpr int64_t block = 1024;
    for (int64_t start = 0; start < N; start += block) {
        const int64_t end = std::min(N, start + block);
        uint64_t outside = 0;  // in its first bit: whether some y or some K - 1 - y is negative
        for (int64_t i = start; i < end; ++i) outside |= uint64_t(y[i]) | (uint64_t(K - 1) - uint64_t(y[i]));
        if (!(outside >> 63)) continue;
        for (int64_t i = start; i < end; ++i) {
            if (uint64_t(y[i]) >= uint64_t(K)) return i;
        }
    }
    return -1;
}

// The number of rows whose class is not `ignored`, or -1 if one of them is outside 0..K-1. `ignored` is no class.
inline int64_t count_rows(const int64_t* y, int64_t N, int64_t K, std::optional<int64_t> ignored) {
    if (find_label_outside(y, N, K) < 0) return N;
    if (!ignored) return -1;
    int64_t rows = 0;
    for (int64_t i = 0; i < N; ++i) {
        if (y[i] == *ignored) continue;
        if (uint64_t(y[i]) >= uint64_t(K)) return -1;
        ++rows;
    }
    return rows;
}

}  // namespace softgrad
