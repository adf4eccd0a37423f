// Rows are computed one at a time. While a row is computed, a later one is fetched.
#pragma once

#include <cstdint>
#include <utility>

#include "half_floats.hpp"
#include "row_writer.hpp"
#include "shape.hpp"

namespace softgrad::SOFTGRAD_ISA {

// Reads rows of K entries, or stretches of them. 16-bit entries are widened into buffers, which take turns.
template <class T> class RowReader {
  public:
    RowReader(Source from, int64_t K, int buffers = 1)
        : from_(from),
          K_(K),
          widened_(from.storage == Storage::itself ? 0 : in_buffers(K)),
          others_(from.storage == Storage::itself || buffers == 1 ? 0 : in_buffers(K)),
          in_turn_{widened_.entries, buffers == 1 ? widened_.entries : others_.entries} {}

    const T* row(int64_t i) const { return at(i, 0, K_); }

    // Entries start..start+count-1 of row i. They stay until as many further calls were made as there are buffers.
    const T* at(int64_t i, int64_t start, int64_t count) const {
        if constexpr (std::is_same_v<T, float>) {
            if (from_.storage != Storage::itself) {
                std::swap(in_turn_[0], in_turn_[1]);
                widen(from_, i * K_ + start, count, in_turn_[0]);
                return in_turn_[0];
            }
        }
        return static_cast<const T*>(from_.entries) + i * K_ + start;
    }

    int64_t K() const { return K_; }

    int entry_bytes() const { return from_.storage == Storage::itself ? int(sizeof(T)) : 2; }
    const char* address(int64_t i) const { return static_cast<const char*>(from_.entries) + i * K_ * entry_bytes(); }

  private:
    Source from_;
    int64_t K_;
    Buffer<T> widened_, others_;
    mutable T* in_turn_[2];
};

// Arrays of at least so many bytes do not stay in a second-level cache.
constexpr int64_t fetched_from = 4 << 20;

// So many bytes are fetched ahead, in whole rows: before a row is computed, the largest entry of the next one is found,
// for which all of it is read.
constexpr int64_t bytes_ahead = 12 << 10;

// Fetches a later row while row i of 0..end-1 is computed.
template <class T> class Background {
  public:
    // The processor itself fetches rows from its caches, those of results that are not streamed, and rows that are long
    // enough to be computed in stretches. `writer` is null where there is no result.
    Background(const RowReader<T>& reader, const RowWriter<T>* writer, int64_t i, int64_t end)
        : entry_bytes_(reader.entry_bytes()) {
        const int64_t row_bytes = reader.K() * entry_bytes_, ahead = (bytes_ahead + row_bytes - 1) / row_bytes;
        if (end * row_bytes < fetched_from || reader.K() > long_row || (writer && !writer->streams())) return;
        if (i + ahead < end) next_ = reader.address(i + ahead);
    }

    // Fetches `count` entries more.
    [[gnu::always_inline]] void advance(int64_t count) {
        if (!next_) return;
        const int64_t bytes = count * entry_bytes_;
        for (int64_t b = 0; b < bytes; b += 64) __builtin_prefetch(next_ + b, 0, 2);
        next_ += bytes;
    }

  private:
    int entry_bytes_;
    const char* next_ = nullptr;
};

}  // namespace softgrad::SOFTGRAD_ISA
