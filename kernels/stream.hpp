// Writing a row past the cache. A result larger than the cache, written the ordinary way, is first read from memory
// line by line; a streaming store spares that third of the traffic. The row is made in a buffer that stays in the
// cache.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
    #include <immintrin.h>
#endif

namespace softgrad::SOFTGRAD_ISA {

constexpr int64_t streamed_from = 8 << 20;  // bytes of result; what fits a second-level cache, several times over

// 64 bytes to an address that is a multiple of 64.
[[gnu::always_inline]] inline void stream_line(const void* line, void* to) {
#if defined(__AVX512F__)
    _mm512_stream_si512(static_cast<__m512i*>(to), _mm512_load_si512(line));
#elif defined(__AVX__)
    for (int i = 0; i < 2; ++i) {
        _mm256_stream_si256(static_cast<__m256i*>(to) + i, _mm256_load_si256(static_cast<const __m256i*>(line) + i));
    }
#elif defined(__SSE2__)
    for (int i = 0; i < 4; ++i) {
        _mm_stream_si128(static_cast<__m128i*>(to) + i, _mm_load_si128(static_cast<const __m128i*>(line) + i));
    }
#else
    std::memcpy(to, line, 64);
#endif
}

// Writes rows that follow one another in memory, by streaming stores if asked. A line that two rows share is held back
// until it is whole. Rows come computed: how they are written changes no bit of them.
template <class T> class RowWriter {
  public:
    RowWriter(T* out, bool stream) : stream_(stream), to_(out) {
        if (!stream) return;
        filled_ = kept_ = int(reinterpret_cast<uintptr_t>(out) % 64 / sizeof(T));
        to_ = out - filled_;
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

    // The next row.
    void row(const T* values, int64_t K) {
        if (!stream_) {
            std::memcpy(to_, values, size_t(K) * sizeof(T));
            to_ += K;
            return;
        }
        int64_t j = 0;
        if (filled_) {
            for (; j < K && filled_ < line; ++j) line_[filled_++] = values[j];
            if (filled_ == line) write_line();
        }
        for (; j + line <= K; j += line) {
            std::memcpy(line_, values + j, 64);
            write_line();
        }
        for (; j < K; ++j) line_[filled_++] = values[j];
    }

  private:
    static constexpr int line = 64 / sizeof(T);

    void write_line() {
        filled_ = line;
        if (kept_) return write_part();
        stream_line(line_, to_);
        to_ += line;
        filled_ = 0;
    }
    // A line at either end, whose other entries are not ours.
    void write_part() {
        for (int i = kept_; i < filled_; ++i) to_[i] = line_[i];
        to_ += line;
        filled_ = kept_ = 0;
    }

    bool stream_;
    int filled_ = 0, kept_ = 0;
    T* to_;  // where line_ begins, or the next row
    alignas(64) T line_[line];
};

// out[j] = entry(j), by the one loop that rounds every entry alike wherever it is written to.
template <class T, class Entry> [[gnu::always_inline]] inline void compute_row(T* row, int64_t K, Entry entry) {
#pragma omp simd
    for (int64_t j = 0; j < K; ++j) row[j] = entry(j);
}

}  // namespace softgrad::SOFTGRAD_ISA
