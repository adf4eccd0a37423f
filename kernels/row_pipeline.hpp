// Rows are computed one at a time. While a row is computed, the row before it is written and a later one is fetched.
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

    // Entries start..start+count-1 of row i, until as many further calls as there are buffers.
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

// So many bytes are on their way from memory, in whole rows: the largest entry of the next row is found before it is
// computed, which takes all of the row.
constexpr int64_t bytes_ahead = 12 << 10;

// The memory traffic that goes on while row i is computed.
template <class T> class Background {
  public:
    // Writes the row that `writer` was given last, unless it is null, and fetches a later row of 0..end-1. The
    // processor itself fetches rows from its caches, and rows that are long enough to be computed in stretches. Rows
    // that are written to the caches are fetched one ahead, and short ones not at all.
    Background(const RowReader<T>& reader, RowWriter<T>* writer, int64_t i, int64_t end)
        : writer_(writer && writer->streams() ? writer : nullptr), entry_bytes_(reader.entry_bytes()) {
        const int64_t row_bytes = reader.K() * entry_bytes_;
        if (end * row_bytes < fetched_from || reader.K() > long_row) return;
        const bool through_caches = writer && !writer->streams();
        if (through_caches && row_bytes < fetched_row) return;
        const int64_t ahead = through_caches ? 1 : (bytes_ahead + row_bytes - 1) / row_bytes;
        if (i + ahead < end) next_ = reader.address(i + ahead);
    }

    // Fetches the next row of two arrays, unless it is short.
    Background(const RowReader<T>& reader, const RowReader<T>& second, RowWriter<T>* writer, int64_t i, int64_t end)
        : writer_(writer && writer->streams() ? writer : nullptr), entry_bytes_(reader.entry_bytes()) {
        const int64_t row_bytes = reader.K() * entry_bytes_;
        if (end * row_bytes < fetched_from || reader.K() > long_row || row_bytes < fetched_row || i + 1 == end) return;
        next_ = reader.address(i + 1), second_next_ = second.address(i + 1);
    }

    // Fetches, and writes, `count` entries more.
    [[gnu::always_inline]] void advance(int64_t count) {
        if (next_) fetch(next_, count);
        if (second_next_) fetch(second_next_, count);
        if (writer_) writer_->advance(count);
    }

  private:
    [[gnu::always_inline]] void fetch(const char*& next, int64_t count) {
        const int64_t bytes = count * entry_bytes_;
        for (int64_t b = 0; b < bytes; b += 64) __builtin_prefetch(next + b, 0, 2);
        next += bytes;
    }

    RowWriter<T>* writer_;
    int entry_bytes_;
    const char *next_ = nullptr, *second_next_ = nullptr;
};

}  // namespace softgrad::SOFTGRAD_ISA
