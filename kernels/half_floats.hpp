// float16 and bfloat16, entry by entry or many at once.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "storage.hpp"

#if defined(__F16C__)
    #include <immintrin.h>
#endif

namespace softgrad::SOFTGRAD_ISA {

// A bfloat16 is the upper half of a float.
inline float from_bfloat16(uint16_t bits) { return std::bit_cast<float>(uint32_t(bits) << 16); }

// To nearest, ties to even; NaN stays NaN.
inline uint16_t to_bfloat16(float x) {
    const uint32_t bits = std::bit_cast<uint32_t>(x);
    const uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    const uint32_t nan = bits >> 16 | 0x40;
    return uint16_t((bits & 0x7fffffff) > 0x7f800000 ? nan : rounded);
}

// 1 sign, 5 exponent, 10 mantissa bits: moved under float's exponent, then multiplied into place, exactly.
inline float from_float16(uint16_t bits) {
    const uint32_t magnitude = bits & 0x7fff;
    const float finite = std::bit_cast<float>(magnitude << 13) * 0x1p112f;
    const float special = std::bit_cast<float>(0x7f800000 | magnitude << 13);
    return std::copysign(magnitude >= 0x7c00 ? special : finite, std::bit_cast<float>(uint32_t(bits) << 16));
}

// To nearest, ties to even: adding a power of two whose last bit is that of the result rounds there.
inline uint16_t to_float16(float x) {
    const uint32_t bits = std::bit_cast<uint32_t>(x), sign = bits >> 16 & 0x8000;
    const float size = std::abs(x);
    if (size != size) return uint16_t(sign | 0x7e00);
    if (size >= 65520) return uint16_t(sign | 0x7c00);
    const uint32_t exponent = std::bit_cast<uint32_t>(size) & 0x7f800000;
    const float step = std::bit_cast<float>((exponent < 0x38800000 ? 0x38800000 : exponent) + (13u << 23));
    const float rounded = (size + step) - step;
    if (rounded < 0x1p-14f) return uint16_t(sign | uint32_t(rounded * 0x1p24f));
    return uint16_t(sign | ((std::bit_cast<uint32_t>(rounded) - 0x38000000) >> 13));
}

[[gnu::noinline]] inline void widen(Source from, int64_t start, int64_t count, float* to) {
    const uint16_t* const bits = static_cast<const uint16_t*>(from.entries) + start;
    int64_t i = 0;
    if (from.storage == Storage::bfloat16) {
#pragma omp simd
        for (i = 0; i < count; ++i) to[i] = from_bfloat16(bits[i]);
        return;
    }
#if defined(__AVX512F__)
    for (; i + 16 <= count; i += 16) {
        const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bits + i));
        _mm512_storeu_ps(to + i, _mm512_cvtph_ps(x));
    }
#endif
#if defined(__F16C__)
    for (; i + 8 <= count; i += 8) {
        _mm256_storeu_ps(to + i, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bits + i))));
    }
#endif
    for (; i < count; ++i) to[i] = from_float16(bits[i]);
}

// factor * x, rounded.
[[gnu::noinline]] inline void narrow(const float* x, int64_t count, float factor, Storage storage, uint16_t* bits) {
    int64_t i = 0;
    if (storage == Storage::bfloat16) {
#pragma omp simd
        for (i = 0; i < count; ++i) bits[i] = to_bfloat16(factor * x[i]);
        return;
    }
#if defined(__AVX512F__)
    for (; i + 16 <= count; i += 16) {
        const __m256i rounded = _mm512_cvtps_ph(_mm512_loadu_ps(x + i) * factor, _MM_FROUND_TO_NEAREST_INT);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(bits + i), rounded);
    }
#endif
#if defined(__F16C__)
    for (; i + 8 <= count; i += 8) {
        const __m128i rounded = _mm256_cvtps_ph(_mm256_loadu_ps(x + i) * factor, _MM_FROUND_TO_NEAREST_INT);
        _mm_storeu_si128(reinterpret_cast<__m128i*>(bits + i), rounded);
    }
#endif
    for (; i < count; ++i) bits[i] = to_float16(factor * x[i]);
}

}  // namespace softgrad::SOFTGRAD_ISA
