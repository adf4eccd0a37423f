// Rows along an inner axis, some at a time: a panel is transposed into a buffer, where its rows are contiguous,
// computed there in place by the kernels for contiguous rows, and transposed back. The results are those of contiguous
// rows.
#pragma once

#include <algorithm>

#include "buffer.hpp"
#include "shape.hpp"
#include "storage.hpp"
#include "transpose.hpp"

namespace softgrad::SOFTGRAD_ISA {

// A panel fits into a second-level cache, unless it has the least number of rows: a cache line of them.
constexpr int64_t panel_bytes = 512 << 10;

// Rows of an array (outer, K, inner) as a contiguous array (rows, K).
template <class T> class Panel {
  public:
    // For rows begin..end-1 of an array of this shape.
    Panel(Shape shape, Storage storage, int64_t begin, int64_t end)
        : shape_(shape),
          storage_(storage),
          rows_(std::min(end - begin, most_rows())),
          entries_((rows_ * shape.K * entry_bytes() + int64_t(sizeof(T)) - 1) / int64_t(sizeof(T))) {}

    // Calls work(first, last) for some rows after others of begin..end-1.
    template <class Work> void over(int64_t begin, int64_t end, Work work) const {
        for (int64_t first = begin; first < end; first += rows_) work(first, std::min(end, first + rows_));
    }

    // Reads rows begin..end-1.
    Source read(Source x, int64_t begin, int64_t end) const {
        over_columns(begin, end, [&](int64_t array, int64_t panel, int64_t columns) {
            each_storage([&]<class E>(E* entries) {
                transpose(static_cast<const E*>(x.entries) + array, shape_.K, columns, shape_.inner, entries + panel,
                          shape_.K);
            });
        });
        return {entries_.entries, storage_};
    }

    // Where their results are put: over them.
    Sink results() const { return {entries_.entries, storage_, false}; }

    // Writes the results to rows begin..end-1.
    void write(Sink x, int64_t begin, int64_t end) const {
        over_columns(begin, end, [&](int64_t array, int64_t panel, int64_t columns) {
            each_storage([&]<class E>(E* entries) {
                transpose<true>(entries + panel, columns, shape_.K, shape_.K, static_cast<E*>(x.entries) + array,
                                shape_.inner);
            });
        });
    }

  private:
    int64_t entry_bytes() const { return storage_ == Storage::itself ? int64_t(sizeof(T)) : 2; }
    int64_t most_rows() const {
        const int64_t line = 64 / entry_bytes(), lines = panel_bytes / entry_bytes() / shape_.K / line;
        return lines > 1 ? lines * line : line;
    }

    // Calls work(array, panel, columns) for rows that are side by side: where the first one begins in the array, where
    // in the panel, and how many they are.
    template <class Work> void over_columns(int64_t begin, int64_t end, Work work) const {
        for (int64_t row = begin; row < end;) {
            const int64_t outer = row / shape_.inner, inner = row % shape_.inner;
            const int64_t columns = std::min(end - row, shape_.inner - inner);
            work(outer * shape_.K * shape_.inner + inner, (row - begin) * shape_.K, columns);
            row += columns;
        }
    }

    template <class Work> void each_storage(Work work) const {
        if (storage_ == Storage::itself) {
            work(entries_.entries);
        } else {
            work(reinterpret_cast<uint16_t*>(entries_.entries));
        }
    }

    Shape shape_;
    Storage storage_;
    int64_t rows_;  // at most
    Buffer<T> entries_;
};

}  // namespace softgrad::SOFTGRAD_ISA
