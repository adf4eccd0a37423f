// Room for a kernel to work in, aligned to a cache line: one a thread and call.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <new>

namespace softgrad::SOFTGRAD_ISA {

template <class T> struct Buffer {
    T* const entries;

    explicit Buffer(int64_t count)
        : entries(static_cast<T*>(std::aligned_alloc(64, (sizeof(T) * size_t(count) + 63) / 64 * 64))) {
        if (!entries) throw std::bad_alloc();
    }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    ~Buffer() { std::free(entries); }
};

}  // namespace softgrad::SOFTGRAD_ISA
