// Room for a kernel to work in, aligned to a cache line: one a thread and call.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <new>

namespace softgrad::SOFTGRAD_ISA {

// Entries that are summed together, and that rooms for rows are made of.
template <class T> constexpr int64_t group = 512 / sizeof(T);

template <class T> struct Buffer {
    T* const entries;

    // Room for so many entries, and for the rest of their last group.
    explicit Buffer(int64_t count)
        : entries(static_cast<T*>(
              std::aligned_alloc(64, sizeof(T) * size_t((count + group<T> - 1) / group<T> * group<T>)))) {
        if (!entries) throw std::bad_alloc();
    }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    ~Buffer() { std::free(entries); }
};

}  // namespace softgrad::SOFTGRAD_ISA
