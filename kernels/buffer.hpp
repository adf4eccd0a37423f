// Working memory of a kernel, aligned to a cache line: one buffer per thread and call.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <new>

namespace softgrad::SOFTGRAD_ISA {

// Entries that are summed together. A buffer holds whole groups.
template <class T> constexpr int64_t group = 512 / sizeof(T);

template <class T> struct Buffer {
    T* const entries;

    // At least `count` entries: the last group is completed. For 0 entries no memory is allocated: that takes time.
    explicit Buffer(int64_t count)
        : entries(count == 0 ? nullptr
                             : static_cast<T*>(std::aligned_alloc(
                                   64, sizeof(T) * size_t((count + group<T> - 1) / group<T> * group<T>)))) {
        if (count != 0 && !entries) throw std::bad_alloc();
    }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    ~Buffer() { std::free(entries); }
};

}  // namespace softgrad::SOFTGRAD_ISA
