// Numbers as arrays store them, and as kernels compute with them: float32 and float64 are themselves, float16 and
// bfloat16 are read as float32 and rounded once when they are written.
#pragma once

#include <cstdint>

namespace softgrad {

enum class Storage { itself, float16, bfloat16 };

// An array to read, from its first entry.
struct Source {
    const void* entries;
    Storage storage;
};

// An array to write; a fresh one has memory that was never touched.
struct Sink {
    void* entries;
    Storage storage;
    bool fresh;

    // The same from entry `first` on; entries are computed in T.
    template <class T> Sink from(int64_t first) const {
        return {static_cast<char*>(entries) + first * int64_t(storage == Storage::itself ? sizeof(T) : 2), storage,
                fresh};
    }
};

}  // namespace softgrad
