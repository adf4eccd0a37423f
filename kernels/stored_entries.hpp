// Entries as arrays hold them: 16-bit entries are widened when they are read, and rounded when they are written.
#pragma once

#include <algorithm>
#include <bit>
#include <cstring>
#include <type_traits>

#include "half_floats.hpp"
#include "transpose.hpp"
#include "vectors.hpp"

namespace softgrad::SOFTGRAD_ISA {

// Entries as an array holds them.
template <Storage storage, class T> using Stored = std::conditional_t<storage == Storage::itself, T, uint16_t>;

// Integers of 16 bits in 32 bits, and the other way. GCC 12 takes several times the instructions to convert vectors.
template <int n> [[gnu::always_inline]] inline Entries<uint32_t, n> in_32_bits(Entries<uint16_t, n> x) {
    using Wider = Entries<uint32_t, n>;
#if defined(__AVX512F__)
    if constexpr (n == 16) return (Wider)_mm512_maskz_cvtepu16_epi32(0xffff, (__m256i)x);
#endif
#if defined(__AVX2__)
    if constexpr (n == 8) return (Wider)_mm256_cvtepu16_epi32((__m128i)x);
#endif
#if defined(__SSE4_1__)
    if constexpr (n == 4) return (Wider)_mm_cvtepu16_epi32(_mm_cvtsi64_si128(std::bit_cast<long long>(x)));
#endif
    return __builtin_convertvector(x, Wider);
}
template <int n> [[gnu::always_inline]] inline Entries<uint16_t, n> in_16_bits(Entries<uint32_t, n> x) {
    using Narrower = Entries<uint16_t, n>;
#if defined(__AVX512F__)
    if constexpr (n == 16) return (Narrower)_mm512_maskz_cvtepi32_epi16(0xffff, (__m512i)x);
#endif
#if defined(__AVX2__)
    if constexpr (n == 8) {
        return (Narrower)_mm_packus_epi32(_mm256_castsi256_si128((__m256i)x), _mm256_extracti128_si256((__m256i)x, 1));
    }
#endif
#if defined(__SSE4_1__)
    if constexpr (n == 4) return std::bit_cast<Narrower>(_mm_cvtsi128_si64(_mm_packus_epi32((__m128i)x, (__m128i)x)));
#endif
    return __builtin_convertvector(x, Narrower);
}

template <Storage storage, class T, int n>
[[gnu::always_inline]] inline Entries<T, n> read_entries(const Stored<storage, T>* bits) {
    if constexpr (storage == Storage::itself) {
        return *reinterpret_cast<const UnalignedEntries<T, n>*>(bits);
    } else {
        if constexpr (storage == Storage::bfloat16) {
            return (Entries<float, n>)(in_32_bits<n>(*reinterpret_cast<const UnalignedEntries<uint16_t, n>*>(bits))
                                       << 16);
        }
#if defined(__AVX512F__)
        if constexpr (n == 16) {
            return (Entries<T, n>)_mm512_maskz_cvtph_ps(0xffff,
                                                        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bits)));
        }
#endif
#if defined(__F16C__)
        if constexpr (n == 8) {
            return (Entries<T, n>)_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bits)));
        }
#endif
        Entries<T, n> x;
        widen({bits, storage}, 0, n, reinterpret_cast<float*>(&x));
        return x;
    }
}

// The same of 16-bit entries that stand in the lower halves of 32 bits; the upper halves are 0.
template <Storage storage, int n> [[gnu::always_inline]] inline Entries<float, n> widened(Entries<uint32_t, n> bits) {
    if constexpr (storage == Storage::bfloat16) return (Entries<float, n>)(bits << 16);
    const Entries<uint16_t, n> halves = in_16_bits<n>(bits);
    return read_entries<storage, float, n>(reinterpret_cast<const uint16_t*>(&halves));
}

// The entries as an array is to hold them.
template <Storage storage, class T, int n>
[[gnu::always_inline]] inline Entries<Stored<storage, T>, n> rounded(Entries<T, n> x) {
    if constexpr (storage == Storage::itself) {
        return x;
    } else {
        if constexpr (storage == Storage::bfloat16) {  // as to_bfloat16
            using Bits = Entries<uint32_t, n>;
            const Bits x_bits = (Bits)x, upper = (x_bits + 0x7fff + (x_bits >> 16 & 1)) >> 16;
            return in_16_bits<n>((Bits)(x != x ? x_bits >> 16 | 0x40 : upper));
        }
#if defined(__AVX512F__)
        if constexpr (n == 16) {
            constexpr int nearest = _MM_FROUND_TO_NEAREST_INT;
            return (Entries<uint16_t, n>)_mm512_maskz_cvtps_ph(0xffff, (__m512)x, nearest);
        }
#endif
#if defined(__F16C__)
        if constexpr (n == 8) {
            return (Entries<uint16_t, n>)_mm256_cvtps_ph((__m256)x, _MM_FROUND_TO_NEAREST_INT);
        }
#endif
        Entries<uint16_t, n> bits;
        narrow(reinterpret_cast<const float*>(&x), n, 1, storage, reinterpret_cast<uint16_t*>(&bits));
        return bits;
    }
}

template <Storage storage, class T, int n>
[[gnu::always_inline]] inline void write_entries(Entries<T, n> x, Stored<storage, T>* to) {
    *reinterpret_cast<UnalignedEntries<Stored<storage, T>, n>*>(to) = rounded<storage, T, n>(x);
}

// The first `count` of n entries, and zeros.
template <Storage storage, class T, int n>
[[gnu::always_inline]] inline Entries<T, n> read_first_entries(const Stored<storage, T>* bits, int count) {
    if (count >= n) return read_entries<storage, T, n>(bits);
    Stored<storage, T> whole[n]{};
#if defined(__AVX512BW__) && defined(__AVX512VL__)
    const auto mask = (1u << std::max(count, 0)) - 1;
    if constexpr (sizeof(whole) == 64 && sizeof(T) == 4)
        return (Entries<T, n>)_mm512_maskz_loadu_ps(__mmask16(mask), bits);
    if constexpr (sizeof(whole) == 64 && sizeof(T) == 8)
        return (Entries<T, n>)_mm512_maskz_loadu_pd(__mmask8(mask), bits);
    if constexpr (sizeof(whole) == 32) {
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(whole), _mm256_maskz_loadu_epi16(__mmask16(mask), bits));
        return read_entries<storage, T, n>(whole);
    }
#endif
    if (count > 0) std::memcpy(whole, bits, size_t(count) * sizeof(*bits));
    return read_entries<storage, T, n>(whole);
}

// Writes the first `count` of n entries.
template <Storage storage, class T, int n>
[[gnu::always_inline]] inline void write_first_entries(Entries<T, n> x, Stored<storage, T>* bits, int count) {
    if (count >= n) return write_entries<storage, T, n>(x, bits);
    Stored<storage, T> whole[n];
    write_entries<storage, T, n>(x, whole);
#if defined(__AVX512BW__) && defined(__AVX512VL__)
    const auto mask = (1u << std::max(count, 0)) - 1;
    if constexpr (sizeof(whole) == 64 && sizeof(T) == 4) return _mm512_mask_storeu_ps(bits, __mmask16(mask), (__m512)x);
    if constexpr (sizeof(whole) == 64 && sizeof(T) == 8) return _mm512_mask_storeu_pd(bits, __mmask8(mask), (__m512d)x);
    if constexpr (sizeof(whole) == 32) {
        const auto narrowed = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(whole));
        return _mm256_mask_storeu_epi16(bits, __mmask16(mask), narrowed);
    }
#endif
    if (count > 0) std::memcpy(bits, whole, size_t(count) * sizeof(*bits));
}

// with(storage) as a constant.
template <class T, class With> [[gnu::always_inline]] inline void with_storage(Storage storage, With with) {
    if constexpr (std::is_same_v<T, float>) {
        if (storage == Storage::float16) return with.template operator()<Storage::float16>();
        if (storage == Storage::bfloat16) return with.template operator()<Storage::bfloat16>();
    }
    with.template operator()<Storage::itself>();
}

}  // namespace softgrad::SOFTGRAD_ISA
