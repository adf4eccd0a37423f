// Tiles: many rows at once, one in each lane. They serve rows shorter than a few vectors.
//
// A tile holds `lanes` rows, entry j of row l at tile[j][l]: every loop over l is a whole number of vectors, and no row
// is summed across lanes. Rows are transposed when they are loaded and written.
#pragma once

#include <algorithm>
#include <cstring>

#include "buffer.hpp"
#include "shape.hpp"
#include "tile_entries.hpp"

namespace softgrad::SOFTGRAD_ISA {

// One number per lane.
template <class T> using Lane = T[lanes<T>];

// A column of a tile, in registers.
template <class T> constexpr int registers = lanes<T> / wide<T>;

template <class T> [[gnu::always_inline]] inline Entries<T, wide<T>> in_register(const T* column, int i) {
    return entries<wide<T>>(column + i * wide<T>);
}
template <class T> [[gnu::always_inline]] inline void set_register(T* column, int i, Entries<T, wide<T>> to) {
    set_entries<wide<T>>(column + i * wide<T>, to);
}

// The sum of terms of each lane, one after another, by Kahan's method: `lost` is what the last addition rounded away.
template <class T> struct LaneSum {
    Entries<T, wide<T>> sum[registers<T>]{}, lost[registers<T>]{};
    [[gnu::always_inline]] void add(int i, Entries<T, wide<T>> x) {
        const auto term = x - lost[i], next = sum[i] + term;
        lost[i] = (next - sum[i]) - term;
        sum[i] = next;
    }
};

// Whether rows are computed in tiles, with the sums of tiles.
template <class T> bool is_short(Shape shape) { return shape.K <= short_row<T>; }

// The rows of one tile.
struct Place {
    int64_t first_row;
    int rows;   // at most `lanes`
    bool more;  // whether a tile follows
};

// Entry j of each lane is in tile[j].
template <class T> struct Tile {
    T* entries;
    T* operator[](int64_t j) const { return entries + j * lanes<T>; }
};

template <class T> struct TileBuffer : Buffer<T> {
    explicit TileBuffer(int64_t K) : Buffer<T>(K * lanes<T>) {}
    Tile<T> tile() const { return {this->entries}; }
};

template <class T> void fill(T* to, int64_t count, T value) {
    for (int64_t i = 0; i < count; ++i) to[i] = value;
}

template <class T> void copy(const T* from, int64_t count, T* to) {
    for (int64_t i = 0; i < count; ++i) to[i] = from[i];
}

// Writes `count` consecutive entries of an array from a buffer.
template <class T> void write(const T* buffer, int64_t count, Sink x, int64_t start) {
    if constexpr (std::is_same_v<T, float>) {
        if (x.storage != Storage::itself) {
            return narrow(buffer, count, 1, x.storage, static_cast<uint16_t*>(x.entries) + start);
        }
    }
    copy(buffer, count, static_cast<T*>(x.entries) + start);
}

// The memory traffic that goes on while a tile is computed: rows to come are fetched, and the last tile is written.
// Memory would stand idle otherwise.
struct Traffic {
    const char *next = nullptr, *second_next = nullptr;  // what is fetched of one or two arrays
    const char* from = nullptr;                          // whole lines to write
    char* to = nullptr;
    int64_t lines = 0;
    bool stream = false;
    int64_t step;  // the lines of 64 bytes that hold an entry of all lanes

    explicit Traffic(Storage storage) : step(storage == Storage::itself ? 2 : 1) {}

    // Fetches and writes as many lines as hold one entry of all lanes.
    [[gnu::always_inline]] void advance() {
        if (next) fetch(next);
        if (lines < step) return;
        write_line(0);
        if (step == 2) write_line(64);
        from += 64 * step, to += 64 * step, lines -= step;
    }
    [[gnu::always_inline]] void advance_second() {
        if (second_next) fetch(second_next);
    }
    // Writes what is left.
    void complete() {
        for (; lines > 0; --lines, from += 64, to += 64) write_line(0);
    }

  private:
    typedef char Line [[gnu::vector_size(64), gnu::aligned(1), gnu::may_alias]];
    [[gnu::always_inline]] void write_line(int at) const {
        if (stream) {
            stream_line(from + at, to + at);
        } else {
            *reinterpret_cast<Line*>(to + at) = *reinterpret_cast<const Line*>(from + at);
        }
    }
    [[gnu::always_inline]] void fetch(const char*& at) const {
        __builtin_prefetch(at, 0, 3);
        if (step == 2) __builtin_prefetch(at + 64, 0, 3);
        at += 64 * step;
    }
};

// Rows are fetched at least so far ahead: further than a tile of very short rows.
constexpr int64_t fetched_ahead = 2048;

// Reads the rows of a tile; lanes without a row hold zeros. `next` is what to fetch meanwhile.
template <class T> void load(Source x, Place at, int64_t K, Tile<T> tile, const char*& next) {
    with_storage<T>(x.storage, [&]<Storage storage>() {
        constexpr int64_t size = sizeof(Stored<storage, T>);
        const char* rows = static_cast<const char*>(x.entries) + at.first_row * K * size;
        const int64_t bytes = lanes<T> * K * size;
        next = at.more ? rows + (bytes > fetched_ahead ? bytes : fetched_ahead) : nullptr;
        char whole[lanes<T> * short_row<T> * size];
        if (at.rows < lanes<T>) {
            std::memcpy(whole, rows, size_t(at.rows * K * size));
            std::memset(whole + at.rows * K * size, 0, size_t(bytes - at.rows * K * size));
            rows = whole;
        }
        to_lanes<storage>(rows, K, tile[0]);
    });
}

// Writes tiles, one after another; each while the next one is computed. A line that two tiles share is held back until
// it is complete.
template <class T> class TileWriter {
  public:
    TileWriter(Sink out, Shape shape, int64_t begin, Traffic& traffic)
        : K_(shape.K),
          storage_(out.storage),
          size_(storage_ == Storage::itself ? int64_t(sizeof(T)) : 2),
          to_(static_cast<char*>(out.entries) + begin * K_ * size_),
          traffic_(traffic),
          buffer_(out.entries ? lanes<T> * K_ * size_ + 64 : 0) {
        traffic_.stream = shape.rows() * K_ * size_ >= (out.fresh ? fresh_streamed_from : streamed_from);
        if (traffic_.stream) others_ = before_ = int64_t(reinterpret_cast<uintptr_t>(to_) % 64);
        to_ -= before_;
    }
    TileWriter(const TileWriter&) = delete;
    TileWriter& operator=(const TileWriter&) = delete;
    ~TileWriter() {
        complete();
        if (before_ > others_) std::memcpy(to_ + others_, buffer_.entries + others_, size_t(before_ - others_));
#if defined(__SSE2__)
        if (traffic_.stream) _mm_sfence();  // streamed lines are not ordered with other stores
#endif
    }

    // The columns of the next tile, as to_rows has them.
    template <class Column> void put(Place at, const Column& column) {
        complete();
        char* const buffer = buffer_.entries;
        with_storage<T>(storage_, [&]<Storage storage>() { to_rows<storage, T>(K_, buffer + before_, column); });
        bytes_ = before_ + at.rows * K_ * size_;
        traffic_.from = buffer, traffic_.to = to_, traffic_.lines = bytes_ / 64;
        if (others_ == 0 || traffic_.lines == 0) return;
        std::memcpy(to_ + others_, buffer + others_, size_t(64 - others_));  // the rest of this line belongs to others
        others_ = 0, traffic_.from += 64, traffic_.to += 64, --traffic_.lines;
    }

  private:
    // Writes what is left of the last tile's whole lines, and moves the rest to where the next tile is put behind it.
    void complete() {
        traffic_.complete();
        const int64_t written = bytes_ / 64 * 64;
        to_ += written, before_ = bytes_ > 0 ? bytes_ - written : before_, bytes_ = 0;
        if (written > 0) std::memcpy(buffer_.entries, buffer_.entries + written, size_t(before_));
    }

    int64_t K_;
    Storage storage_;
    int64_t size_;  // bytes of an entry
    char* to_;      // where the line begins that the next entry belongs to
    Traffic& traffic_;
    Buffer<char> buffer_;
    int64_t others_ = 0,
            before_ = 0;  // bytes of this line: those of other rows, and all that stand before the next entry
    int64_t bytes_ = 0;   // of the last tile, with those before it
};

// Calls work(place) for each tile of the rows begin..end-1.
template <class T, class Work> [[gnu::always_inline]] inline void over_places(int64_t begin, int64_t end, Work work) {
    for (; begin < end; begin += lanes<T>) {
        const bool more = end - begin > lanes<T>;
        work(Place{begin, more ? lanes<T> : int(end - begin), more});
    }
}

}  // namespace softgrad::SOFTGRAD_ISA
