// Vectors of the instruction set.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
    #include <immintrin.h>
#endif

namespace softgrad::SOFTGRAD_ISA {

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
template <class V> [[gnu::always_inline]] inline void stream_vector(const V& v, void* to) {
#if defined(__AVX512F__)
    if constexpr (sizeof(V) == 64) return _mm512_stream_si512(static_cast<__m512i*>(to), (__m512i)v);
#endif
#if defined(__AVX__)
    if constexpr (sizeof(V) == 32) return _mm256_stream_si256(static_cast<__m256i*>(to), (__m256i)v);
#endif
#if defined(__SSE2__)
    if constexpr (sizeof(V) == 16) return _mm_stream_si128(static_cast<__m128i*>(to), (__m128i)v);
#endif
#if defined(__SSE2__)
    if constexpr (sizeof(V) == 8) return _mm_stream_si64(static_cast<long long*>(to), std::bit_cast<long long>(v));
#endif
    std::memcpy(to, &v, sizeof(v));
}

// Stores 64 bytes to an address that is a multiple of 64.
[[gnu::always_inline]] inline void stream_line(const char* line, char* to) {
    for (int i = 0; i < 64; i += vector_bytes) {
        stream_vector(*reinterpret_cast<const Vector<char>*>(line + i), to + i);
    }
}

}  // namespace softgrad::SOFTGRAD_ISA
