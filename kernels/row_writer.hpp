// Writes rows. An ordinary store to memory outside the cache first reads the line. A streaming store does not, which
// saves a third of the traffic. A row is streamed when it is complete: ordinary stores between streaming ones would
// wait for memory.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "buffer.hpp"
#include "stored_entries.hpp"

#if defined(__SSE2__)
    #include <immintrin.h>
#endif

namespace softgrad::SOFTGRAD_ISA {

// A result of at least so many bytes is streamed: several times the size of a second-level cache. Fresh memory is in
// the cache when it is written, since the system has just filled it with zeros: there, the size of a large third-level
// cache.
constexpr int64_t streamed_from = 8 << 20, fresh_streamed_from = 128 << 20;

// Stores `lines` lines of 64 bytes of factor * x to an address that is a multiple of 64.
template <Storage storage, class T>
[[gnu::always_inline]] inline void stream_lines(const T* x, T factor, int64_t lines, char* to) {
    constexpr int n = vector_bytes / sizeof(T), bytes = n * sizeof(Stored<storage, T>);
    for (const char* const end = to + 64 * lines; to < end; to += bytes, x += n) {
        const Entries<T, n> scaled = *reinterpret_cast<const UnalignedEntries<T, n>*>(x) * factor;
        stream_vector(rounded<storage, T, n>(scaled), to);
    }
}

// to[j] = factor * x[j], in the array's own storage.
template <class T>
[[gnu::always_inline]] inline void scaled(const T* x, int64_t count, T factor, Storage storage, void* to) {
    if constexpr (std::is_same_v<T, float>) {
        if (storage != Storage::itself) return narrow(x, count, factor, storage, static_cast<uint16_t*>(to));
    }
    T* const row = static_cast<T*>(to);
#pragma omp simd
    for (int64_t j = 0; j < count; ++j) row[j] = factor * x[j];
}

// Writes rows that follow one another. A line that two rows share is held back until it is complete. The values do not
// depend on how a row is written.
template <class T> class RowWriter {
  public:
    // Writes from entry `first` of an array of `total` on; a row has at most `longest` entries. Without a buffer, rows
    // are not put, but written at once.
    RowWriter(Sink out, int64_t first, int64_t longest, int64_t total, bool with_buffer = true)
        : storage_(out.storage),
          size_(out.storage == Storage::itself ? int(sizeof(T)) : 2),
          stream_(out.entries && total * size_ >= (out.fresh ? fresh_streamed_from : streamed_from)),
          to_(out.entries ? static_cast<char*>(out.entries) + first * size_ : nullptr),
          buffer_(with_buffer ? longest : 0) {
        if (!stream_) return;
        filled_ = kept_ = int(reinterpret_cast<uintptr_t>(to_) % 64) / size_;
        to_ -= filled_ * size_;
    }
    RowWriter(const RowWriter&) = delete;
    RowWriter& operator=(const RowWriter&) = delete;
    ~RowWriter() {
        if (!stream_) return;
        write_part();
#if defined(__SSE2__)
        _mm_sfence();  // streamed lines are not ordered with other stores
#endif
    }

    // Where to compute the next row: whole groups.
    T* buffer() const { return buffer_.entries; }

    // Whether rows are streamed.
    bool streams() const { return stream_; }

    // The next row is factor times the first `length` entries of the buffer, with `value` at the index `special` unless
    // that is negative.
    [[gnu::noinline]] void put(int64_t length, T factor = 1, int64_t special = -1, T value = 0) {
        constexpr int n = vector_bytes / sizeof(T);
        with_storage<T>(storage_, [&, x = buffer_.entries]<Storage storage> {
            write<storage>(
                length, [=](int64_t j) { return *reinterpret_cast<const UnalignedEntries<T, n>*>(x + j) * factor; },
                [=](int64_t j) { return x[j] * factor; }, special, value);
        });
    }

    // The next `length` entries are those of vectors(j), which computes a whole vector from entry j on, and one(j),
    // which computes a single one, with `value` at the index `special`. They are written at once. The entries of the
    // arrays that are read may be where they belong: a vector overwrites what it was computed from, and the first and
    // the last line, which overlap with others, are computed before.
    template <Storage storage, class Vectors, class One>
    [[gnu::always_inline]] void write(int64_t length, Vectors vectors, One one, int64_t special = -1, T value = 0) {
        constexpr int n = vector_bytes / sizeof(T), size = sizeof(Stored<storage, T>), line = 64 / size;
        alignas(64) T first[line], last[line], middle[line];
        if (length < line) {
            for (int64_t j = 0; j < length; ++j) first[j] = j == special ? value : one(j);
            return write_few(first, length);
        }
        const auto compute = [&](int64_t j, T* to) {
            for (int k = 0; k < line; k += n) *reinterpret_cast<UnalignedEntries<T, n>*>(to + k) = vectors(j + k);
            if (j <= special && special < j + line) to[special - j] = value;
        };
        const auto store = [](const T* x, char* to) {
            for (int k = 0; k < line; k += n) {
                const Entries<T, n> entries = *reinterpret_cast<const UnalignedEntries<T, n>*>(x + k);
                write_entries<storage, T, n>(entries, reinterpret_cast<Stored<storage, T>*>(to) + k);
            }
        };
        compute(0, first), compute(length - line, last);
        const int64_t filled = stream_ ? filled_ : int64_t(reinterpret_cast<uintptr_t>(to_) % 64 / size);
        const int64_t head = (line - filled) % line, end = head + (length - head) / line * line;
        char* const row = stream_ ? to_ + filled_ * size : to_;
        if (stream_) hold(first, head);
        for (int64_t j = head; j < end; j += line) {
            const int64_t until = j <= special && special < end ? j + (special - j) / line * line : end;
            if (stream_) {
                for (; j < until; j += n) {
                    stream_vector(rounded<storage, T, n>(vectors(j)), row + j * size);
                }
            } else {
                for (; j < until; j += n) {
                    write_entries<storage, T, n>(vectors(j), reinterpret_cast<Stored<storage, T>*>(row) + j);
                }
            }
            if (j == end) break;
            compute(j, middle);
            if (stream_) {
                stream_lines<storage>(middle, T(1), 1, row + j * size);
            } else {
                store(middle, row + j * size);
            }
        }
        if (stream_) {
            to_ = row + end * size;
            hold(last + line - (length - end), length - end);
        } else {
            store(first, row), store(last, row + (length - line) * size);
            to_ += length * size;
        }
    }

  private:
    // Puts entries into the line that is held back, which they complete at most.
    void hold(const T* x, int64_t count) {
        if (count == 0) return;
        scaled(x, count, T(1), storage_, line_ + filled_ * size_);
        filled_ += int(count);
        if (filled_ == 64 / size_) write_part();
    }

    // Writes less than a line.
    [[gnu::noinline]] void write_few(const T* x, int64_t count) {
        if (!stream_) {
            scaled(x, count, T(1), storage_, to_);
            to_ += count * size_;
            return;
        }
        const int64_t part = std::min<int64_t>(count, 64 / size_ - filled_);
        hold(x, part), hold(x + part, count - part);
    }

    // Writes a line whose first or last entries may belong to others.
    void write_part() {
        if (kept_ == 0 && filled_ == 64 / size_) {
            stream_line(line_, to_);
        } else {
            std::memcpy(to_ + kept_ * size_, line_ + kept_ * size_, size_t((filled_ - kept_) * size_));
        }
        to_ += 64;
        filled_ = kept_ = 0;
    }

    Storage storage_;
    int size_;  // bytes of an entry
    bool stream_;
    char* to_;  // where line_ begins, or the next row
    Buffer<T> buffer_;
    int filled_ = 0, kept_ = 0;
    alignas(64) char line_[64];
};

}  // namespace softgrad::SOFTGRAD_ISA
