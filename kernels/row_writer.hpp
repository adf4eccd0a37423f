// Writes rows. An ordinary store to memory outside the cache first reads the line; a streaming store saves this third
// of the traffic. Memory would stand idle while a row is computed, so a row is handed over in the buffer in which it
// was computed, and is written in small steps while the next one is computed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "buffer.hpp"
#include "half_floats.hpp"

#if defined(__SSE2__)
    #include <immintrin.h>
#endif

namespace softgrad::SOFTGRAD_ISA {

// A result of at least so many bytes is streamed: several times the size of a second-level cache. Fresh memory is in
// the cache when it is written, since the system has just filled it with zeros: there, the size of a large third-level
// cache. Rows of fewer bytes than about a page, and those of 16-bit entries, are streamed from a size in between: up to
// there the processor itself writes them faster.
constexpr int64_t streamed_from = 8 << 20, short_streamed_from = 24 << 20, fresh_streamed_from = 128 << 20;

// Rows of fewer bytes, about a page, are fetched faster by the processor itself.
constexpr int64_t fetched_row = 4800;

#if defined(__AVX512F__)
constexpr int vector_bytes = 64;
#elif defined(__AVX__)
constexpr int vector_bytes = 32;
#else
constexpr int vector_bytes = 16;
#endif

// A vector of T at any address; in a struct, since Clang ignores the alignment of an alias template.
template <class T> struct VectorOf {
    typedef T type [[gnu::vector_size(vector_bytes), gnu::aligned(alignof(T)), gnu::may_alias]];
};
template <class T> using Vector = typename VectorOf<T>::type;

// The entries of a comparison of two vectors, a bit each.
template <class Mask> [[gnu::always_inline]] inline unsigned bits_of(Mask mask) {
    constexpr int entry = int(sizeof(mask[0]));
#if defined(__AVX__)
    if constexpr (entry == 4) return unsigned(_mm256_movemask_ps((__m256)mask));
    if constexpr (entry == 8) return unsigned(_mm256_movemask_pd((__m256d)mask));
#elif defined(__SSE2__)
    if constexpr (entry == 4) return unsigned(_mm_movemask_ps((__m128)mask));
    if constexpr (entry == 8) return unsigned(_mm_movemask_pd((__m128d)mask));
#else
    unsigned bits = 0;
    for (int l = 0; l < vector_bytes / entry; ++l) bits |= unsigned(mask[l] != 0) << l;
    return bits;
#endif
}

// The entries of the vector at x that are equal to a number, or above it, a bit each.
template <class T> [[gnu::always_inline]] inline unsigned bits_equal(const T* x, T number) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4) return _mm512_cmp_ps_mask(_mm512_loadu_ps(x), _mm512_set1_ps(number), _CMP_EQ_OQ);
    if constexpr (sizeof(T) == 8) return _mm512_cmp_pd_mask(_mm512_loadu_pd(x), _mm512_set1_pd(number), _CMP_EQ_OQ);
#else
    return bits_of(*reinterpret_cast<const Vector<T>*>(x) == number);
#endif
}
template <class T> [[gnu::always_inline]] inline unsigned bits_above(const T* x, T number) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4) return _mm512_cmp_ps_mask(_mm512_loadu_ps(x), _mm512_set1_ps(number), _CMP_GT_OQ);
    if constexpr (sizeof(T) == 8) return _mm512_cmp_pd_mask(_mm512_loadu_pd(x), _mm512_set1_pd(number), _CMP_GT_OQ);
#else
    return bits_of(*reinterpret_cast<const Vector<T>*>(x) > number);
#endif
}

// Stores a vector to an address that is a multiple of its size.
template <class V> [[gnu::always_inline]] inline void stream_vector(V v, void* to) {
#if defined(__AVX512F__)
    _mm512_stream_si512(static_cast<__m512i*>(to), (__m512i)v);
#elif defined(__AVX__)
    _mm256_stream_si256(static_cast<__m256i*>(to), (__m256i)v);
#elif defined(__SSE2__)
    _mm_stream_si128(static_cast<__m128i*>(to), (__m128i)v);
#else
    std::memcpy(to, &v, sizeof(v));
#endif
}

// Stores 64 bytes to an address that is a multiple of 64.
[[gnu::always_inline]] inline void stream_line(const char* line, char* to) {
    for (int i = 0; i < 64; i += vector_bytes) {
        stream_vector(*reinterpret_cast<const Vector<char>*>(line + i), to + i);
    }
}

// Stores `lines` lines of 64 bytes of factor * x to an address that is a multiple of 64.
template <class T> [[gnu::always_inline]] inline void stream_lines(const T* x, T factor, int64_t lines, char* to) {
    for (const char* const end = to + 64 * lines; to < end; to += vector_bytes, x += vector_bytes / sizeof(T)) {
        stream_vector(*reinterpret_cast<const Vector<T>*>(x) * factor, to);
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
    // Writes from entry `first` of an array of `total` on; a row has at most `longest` entries.
    RowWriter(Sink out, int64_t first, int64_t longest, int64_t total)
        : storage_(out.storage),
          size_(out.storage == Storage::itself ? int(sizeof(T)) : 2),
          stream_(out.entries && total * size_ >= streamed_bytes(out, longest)),
          to_(out.entries ? static_cast<char*>(out.entries) + first * size_ : nullptr),
          buffer_(longest),
          other_buffer_(stream_ ? longest : 0) {
        if (!stream_) return;
        filled_ = kept_ = int(reinterpret_cast<uintptr_t>(to_) % 64) / size_;
        to_ -= filled_ * size_;
    }
    RowWriter(const RowWriter&) = delete;
    RowWriter& operator=(const RowWriter&) = delete;
    ~RowWriter() {
        if (!stream_) return;
        advance(length_);
        write_part();
#if defined(__SSE2__)
        _mm_sfence();  // streamed lines are not ordered with other stores
#endif
    }

    // Where to compute the next row: whole groups.
    T* buffer() const { return row_ == buffer_.entries && stream_ ? other_buffer_.entries : buffer_.entries; }

    // Where to compute the next row entry by entry, for `put_as_it_is`: where it belongs, if it can be. The entries of
    // the arrays that are read may be there.
    T* place() const { return is_direct() ? reinterpret_cast<T*>(to_) : buffer(); }
    [[gnu::always_inline]] void put_as_it_is(int64_t length) {
        if (!is_direct()) return put(length);
        to_ += length * size_, length_ = next_ = length;
    }

    // Whether rows are written while the next one is computed; else they are written at once.
    bool streams() const { return stream_; }

    // The next row is factor times the first `length` entries of the buffer, with `value` at the index `special` unless
    // that is negative.
    [[gnu::noinline]] void put(int64_t length, T factor = 1, int64_t special = -1, T value = 0) {
        advance(length_);
        row_ = buffer(), length_ = length, factor_ = factor, special_ = special, value_ = value, next_ = reached_ = 0;
        if (stream_) return;
        scaled(row_, length, factor, storage_, to_);
        if (special >= 0) scaled(&value, 1, T(1), storage_, to_ + special * size_);
        to_ += length * size_, next_ = length;
    }

    // Writes `count` entries more of the row that was put last.
    [[gnu::noinline]] void advance(int64_t count) {
        const int64_t line = 64 / size_, end = reached_ = std::min(length_, reached_ + count);
        while (next_ < end) {
            const bool special_ahead = special_ >= next_ && special_ < end;
            const int64_t lines = filled_ ? 0 : ((special_ahead ? special_ : end) - next_) / line;
            if (storage_ == Storage::itself) {
                stream_lines(row_ + next_, factor_, lines, to_);
            } else {
                for (int64_t i = 0; i < lines; ++i) {
                    scaled(row_ + next_ + i * line, line, factor_, storage_, line_);
                    stream_line(line_, to_ + i * 64);
                }
            }
            next_ += lines * line, to_ += lines * 64;
            const int64_t part = std::min(line - filled_, end - next_);
            if (part == 0 || (filled_ + part < line && end < length_)) return;  // the rest of this line comes later
            take(part);
        }
    }

  private:
    int64_t streamed_bytes(Sink out, int64_t longest) const {
        if (out.fresh) return fresh_streamed_from;
        const bool is_short = longest * size_ < fetched_row || out.storage != Storage::itself;
        return is_short ? short_streamed_from : streamed_from;
    }

    bool is_direct() const { return !stream_ && storage_ == Storage::itself; }

    // Puts `count` entries into the line that is held back.
    void take(int64_t count) {
        scaled(row_ + next_, count, factor_, storage_, line_ + filled_ * size_);
        if (special_ >= next_ && special_ < next_ + count) {
            scaled(&value_, 1, T(1), storage_, line_ + (filled_ + special_ - next_) * size_);
        }
        next_ += count, filled_ += int(count);
        if (filled_ == 64 / size_) write_part();
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
    Buffer<T> buffer_, other_buffer_;
    const T* row_ = nullptr;  // the row that was put last; it is written up to next_, and wanted up to reached_
    T factor_ = 1, value_ = 0;
    int64_t length_ = 0, special_ = -1, next_ = 0, reached_ = 0;
    int filled_ = 0, kept_ = 0;
    alignas(64) char line_[64];
};

}  // namespace softgrad::SOFTGRAD_ISA
