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

// Whether rows are computed in tiles: short ones. Along an inner axis tiles are full where enough rows lie side by
// side.
template <class T> bool in_tiles(Shape shape) {
    return shape.K <= short_row<T> && (shape.inner == 1 || shape.inner >= 4 * lanes<T>);
}

// Where the first entry of a row is in an array.
inline int64_t first_entry(Shape shape, int64_t row) {
    return shape.inner == 1 ? row * shape.K : row / shape.inner * shape.K * shape.inner + row % shape.inner;
}

// The rows of one tile.
struct Place {
    int64_t first_row;
    int rows;   // at most `lanes`
    bool more;  // whether a tile follows
};

template <class T> struct Tile : Buffer<T> {
    explicit Tile(int64_t K) : Buffer<T>(K * lanes<T>) {}
    T* operator[](int64_t j) const { return this->entries + j * lanes<T>; }
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

    // Goes on by as much as an entry of all lanes is.
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

// Reads columns of an array (outer, K, inner), which lie side by side in it.
template <Storage storage, class T>
[[gnu::noinline]] void read_columns(const Stored<storage, T>* from, int64_t inner, int64_t K, int rows, T* tile) {
    for (int64_t j = 0; j < K; ++j, from += inner, tile += lanes<T>) {
        Stored<storage, T> whole[lanes<T>]{};
        const Stored<storage, T>* x = from;
        if (rows < lanes<T>) std::memcpy(whole, from, size_t(rows) * sizeof(*x)), x = whole;
        for (int i = 0; i < registers<T>; ++i) {
            set_register(tile, i, read_entries<storage, T, wide<T>>(x + i * wide<T>));
        }
        for (int ahead = 256; ahead < 384; ahead += 64) {
            __builtin_prefetch(reinterpret_cast<const char*>(from) + ahead, 0, 3);
        }
    }
}

// Reads the rows of a tile; lanes without a row hold zeros. `next` is what to fetch meanwhile.
template <class T> void load(Source x, Place at, Shape shape, const Tile<T>& tile, const char*& next) {
    with_storage<T>(x.storage, [&]<Storage storage>() {
        constexpr int64_t size = sizeof(Stored<storage, T>);
        const int64_t K = shape.K;
        const char* rows = static_cast<const char*>(x.entries) + first_entry(shape, at.first_row) * size;
        if (shape.inner > 1) {
            const auto from = reinterpret_cast<const Stored<storage, T>*>(rows);
            return read_columns<storage>(from, shape.inner, K, at.rows, tile[0]);
        }
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

// Writes columns side by side, as to_rows writes rows.
template <Storage storage, class T, class Column>
[[gnu::noinline]] void write_columns(int64_t inner, int64_t K, int rows, bool stream, Stored<storage, T>* to,
                                     const Column column) {
    stream = stream && reinterpret_cast<uintptr_t>(to) % 64 == 0 && inner * int64_t(sizeof(*to)) % 64 == 0;
    for (int64_t j = 0; j < K; ++j, to += inner) {
        for (int i = 0; rows == lanes<T> && i < lanes<T>; i += wide<T>) {
            const Entries<T, wide<T>> x = column.template at<wide<T>>(j, i);
            if (storage == Storage::itself && stream) {
                stream_vector(x, to + i);
            } else {
                write_entries<storage, T, wide<T>>(x, to + i);
            }
        }
        if (rows == lanes<T>) continue;
        Stored<storage, T> whole[lanes<T>];
        for (int i = 0; i < lanes<T>; i += wide<T>) {
            write_entries<storage, T, wide<T>>(column.template at<wide<T>>(j, i), whole + i);
        }
        std::memcpy(to, whole, size_t(rows) * sizeof(*to));
    }
}

// Writes tiles, one after another; each while the next one is computed. A line that two tiles share is held back until
// it is complete.
template <class T> class TileWriter {
  public:
    TileWriter(Sink out, Shape shape, int64_t begin, Traffic& traffic)
        : shape_(shape),
          K_(shape.K),
          storage_(out.storage),
          size_(storage_ == Storage::itself ? int64_t(sizeof(T)) : 2),
          to_(static_cast<char*>(out.entries) + (shape.inner == 1 ? begin * K_ * size_ : 0)),
          traffic_(traffic),
          buffer_(out.entries && shape.inner == 1 ? lanes<T> * K_ * size_ + 64 : 0) {
        traffic_.stream = shape.rows() * K_ * size_ >= (out.fresh ? fresh_streamed_from : streamed_from);
        if (traffic_.stream && shape.inner == 1) others_ = before_ = int64_t(reinterpret_cast<uintptr_t>(to_) % 64);
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
        if (shape_.inner > 1) {
            return with_storage<T>(storage_, [&]<Storage storage>() {
                const auto to = reinterpret_cast<Stored<storage, T>*>(to_) + first_entry(shape_, at.first_row);
                write_columns<storage, T>(shape_.inner, K_, at.rows, traffic_.stream, to, column);
            });
        }
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

    Shape shape_;
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

// The rows before the next cache line of an array of entries of so many bytes, where rows lie side by side.
inline int64_t rows_before_line(const void* array, Shape shape, int64_t row, int64_t size) {
    const auto at = reinterpret_cast<uintptr_t>(array) + uintptr_t(first_entry(shape, row) * size);
    return int64_t((64 - at % 64) % 64) / size;
}

// Calls work(place) for each tile of the rows begin..end-1. Those of a tile follow one another in the array, or lie
// side by side: then tiles begin with a cache line of `array`, so that they share none.
template <class T, class Work>
[[gnu::always_inline]] inline void over_places(const void* array, Storage storage, Shape shape, int64_t begin,
                                               int64_t end, Work work) {
    const int64_t size = storage == Storage::itself ? int64_t(sizeof(T)) : 2;
    while (begin < end) {
        int64_t together = end - begin;
        if (shape.inner > 1) {
            together = std::min(together, shape.inner - begin % shape.inner);
            if (const int64_t before = rows_before_line(array, shape, begin, size)) {
                together = std::min(together, before);
            }
        }
        const bool more = together > lanes<T>;
        const Place at{begin, more ? lanes<T> : int(together), more};
        work(at);
        begin += at.rows;
    }
}

}  // namespace softgrad::SOFTGRAD_ISA
