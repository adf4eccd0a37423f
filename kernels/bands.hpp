// A band is a number of columns side by side. They are read into tiles class by class, computed there with a lane for
// each column, and written class by class. Short columns are computed as tiles of rows are. The sums of longer ones are
// added up in the order of Accumulator, as those of long rows.
#pragma once

#include "long_lanes.hpp"

namespace softgrad::SOFTGRAD_ISA {

// A band of two arrays fits into 4 MiB, unless one tile of each does not. In wide bands more of each page is read at a
// time, which saves more than a smaller cache does.
constexpr int64_t band_bytes = 4 << 20, longest_column = 1 << 15;
constexpr int most_tiles = 16;

// Whether columns are computed in bands: enough of them lie side by side to fill three in four lanes of their tiles.
template <class T> bool in_bands(Shape shape) {
    const int64_t tiles = (shape.inner + lanes<T> - 1) / lanes<T>;
    return shape.K <= longest_column && shape.inner > 1 && 4 * shape.inner >= 3 * tiles * lanes<T>;
}

// What is seen of columns while they are read: nothing.
template <class T> struct NothingSeen {
    [[gnu::always_inline]] void see(int64_t, int, Entries<T, wide<T>>) {}
};

// Where the first entry of a column is in an array.
inline int64_t first_entry(Shape shape, int64_t row) {
    return row / shape.inner * shape.K * shape.inner + row % shape.inner;
}

// Some columns that lie side by side in an array.
struct Columns {
    int64_t first_row;
    int count;
};

// How many columns, from that of `row` on, come before the next cache line of `array`; 0 where they are few, or the
// classes begin at different places of their lines.
inline int64_t columns_before_line(const void* array, Shape shape, int64_t row, int64_t size) {
    if (shape.inner < 128 || shape.inner * size % 64 != 0) return 0;
    const auto at = reinterpret_cast<uintptr_t>(array) + uintptr_t(first_entry(shape, row) * size);
    return std::min(int64_t(-at % 64) / size, shape.inner - row % shape.inner);
}

// Calls work(columns) for rows begin..end-1, of which `most` are taken together. Where the rows of two threads share a
// cache line of `array`, the first thread takes all of it: lines are written as a whole.
template <class T, class Work>
void over_columns(const void* array, Storage storage, Shape shape, int64_t begin, int64_t end, int most, Work work) {
    const int64_t size = storage == Storage::itself ? int64_t(sizeof(T)) : 2;
    const auto before_line = [=](int64_t row) { return columns_before_line(array, shape, row, size); };
    const auto at_line = [=](int64_t row) { return row % shape.inner == 0 ? row : row + before_line(row); };
    begin = at_line(begin), end = at_line(end);
    while (begin < end) {
        const int64_t before = before_line(begin);
        const int64_t together = std::min({end - begin, shape.inner - begin % shape.inner, int64_t(most)});
        const int64_t count = before > 0 ? std::min(together, before) : together;
        work(Columns{begin, int(count)});
        begin += count;
    }
}

// Copies `bytes` < 64, a multiple of 2.
[[gnu::always_inline]] inline void copy_part_of_line(const char* from, int64_t bytes, char* to) {
    for (; bytes >= 16; bytes -= 16, from += 16, to += 16) std::memcpy(to, from, 16);
    for (; bytes > 0; bytes -= 2, from += 2, to += 2) std::memcpy(to, from, 2);
}

// Streams the whole lines of an array among these bytes.
[[gnu::always_inline]] inline void stream_bytes(const char* from, int64_t bytes, char* to) {
    const int64_t before = std::min(bytes, int64_t(-reinterpret_cast<uintptr_t>(to) % 64));
    copy_part_of_line(from, before, to);
    from += before, to += before, bytes -= before;
    for (; bytes >= 64; bytes -= 64, from += 64, to += 64) stream_line(from, to);
    copy_part_of_line(from, bytes, to);
}

// The tiles of a band, of one array or two. In those of long columns the classes beyond K that complete a sum are 0.
template <class T> class Band {
  public:
    // Two arrays share a buffer: of two that are freed together, the C library gives the memory back to the system.
    Band(Shape shape, int arrays, int64_t begin, int64_t end)
        : shape_(shape),
          padded_(padded(shape) | 1),  // odd: tiles that begin at the same place of a page would share a cache's sets
          tiles_(most(shape, arrays, begin, end)),
          entries_(arrays * tiles_ * padded_ * lanes<T>) {
        for (int t = 0; t < arrays * tiles_; ++t) {
            fill(tile(t)[shape.K], (padded_ - shape.K) * lanes<T>, T(0));
        }
    }

    Tile<T> tile(int t) const { return {entries_.entries + t * padded_ * lanes<T>}; }
    Tile<T> second_tile(int t) const { return tile(tiles_ + t); }
    int columns() const { return tiles_ * lanes<T>; }

    // While columns are computed, none are read or written.
    mutable Traffic no_traffic{Storage::itself};

    static int tiles_of(Columns columns) { return (columns.count + lanes<T> - 1) / lanes<T>; }

    // Reads columns; lanes without one hold zeros. Of long columns, seen[t].see(j, i, x) is called for each register.
    template <class Seen> void read(Source x, Columns columns, Seen* seen) const {
        if (!is_short<T>(shape_)) return read_to(tile(0), x, columns, seen);
        NothingSeen<T> nothing[most_tiles];
        read_to(tile(0), x, columns, nothing);
    }
    void read_second(Source y, Columns columns) const {
        NothingSeen<T> nothing[most_tiles];
        read_to(second_tile(0), y, columns, nothing);
    }

    // Writes columns: n entries of class j from lane l of tile t on are of(t).at<n>(j, l).
    template <class Of> void write(Sink x, Columns columns, Of of) const {
        with_storage<T>(x.storage, [&]<Storage storage>() {
            constexpr int64_t size = sizeof(Stored<storage, T>);
            const auto to = static_cast<Stored<storage, T>*>(x.entries) + first_entry(shape_, columns.first_row);
            // A line that two columns share is in the cache if the next class follows soon.
            const bool share_lines = shape_.inner < 128 || (shape_.inner * size % 64 != 0 && shape_.inner <= 512);
            const bool large = shape_.rows() * shape_.K * size >= (x.fresh ? fresh_streamed_from : streamed_from);
            if (!large || share_lines) {
                write_to<storage>(to, columns.count, of);
            } else {
                stream_to<storage>(to, columns.count, of);
            }
        });
    }

  private:
    static int64_t padded(Shape shape) {
        constexpr int64_t n = terms_of_sum<T>;
        return is_short<T>(shape) ? shape.K : (shape.K + n - 1) / n * n;
    }
    static int most(Shape shape, int arrays, int64_t begin, int64_t end) {
        const int64_t fit = band_bytes / (shape.K * lanes<T> * int64_t(sizeof(T)) * arrays);
        const int64_t wanted = (std::min(end - begin, shape.inner) + lanes<T> - 1) / lanes<T>;
        return int(std::max<int64_t>(1, std::min({fit, wanted, int64_t(most_tiles)})));
    }

    // Some classes are read at a time, whose lines were asked for before.
    static constexpr int64_t read_together = 8;

    template <class Seen> void read_to(Tile<T> tiles, Source x, Columns columns, Seen* seen) const {
        with_storage<T>(x.storage, [&]<Storage storage>() {
            const auto from = static_cast<const Stored<storage, T>*>(x.entries);
            read_from<storage>(from + first_entry(shape_, columns.first_row), columns.count, tiles, seen);
        });
    }

    template <Storage storage, class Seen>
    [[gnu::noinline]] void read_from(const Stored<storage, T>* from, int count, Tile<T> tiles, Seen* seen) const {
        const int64_t inner = shape_.inner, K = shape_.K;
        for (int64_t j = 0; j < K; j += read_together, from += read_together * inner) {
            const int64_t end = std::min(K, j + read_together);
            for (int t = 0; t * lanes<T> < count; ++t) {
                const Stored<storage, T>* x = from + t * lanes<T>;
                T* to = tiles[t * padded_ + j];
                const int here = count - t * lanes<T>;
                Seen seen_here = seen[t];
                for (int64_t k = j; k < end; ++k, x += inner, to += lanes<T>) {
                    for (int i = 0; i < registers<T>; ++i) {
                        const auto v = read_first_entries<storage, T, wide<T>>(x + i * wide<T>, here - i * wide<T>);
                        set_register(to, i, v);
                        seen_here.see(k, i, v);
                    }
                    const char* const ahead = reinterpret_cast<const char*>(x + read_together * inner);
                    __builtin_prefetch(ahead, 0, 2);
                    if (storage == Storage::itself) __builtin_prefetch(ahead + 64, 0, 2);
                }
                seen[t] = seen_here;
            }
        }
    }

    template <Storage storage, class Of>
    [[gnu::noinline]] void write_to(Stored<storage, T>* to, int count, Of of) const {
        for (int64_t j = 0; j < shape_.K; ++j, to += shape_.inner) write_class<storage>(j, count, of, to);
    }

    // Streams classes: whole lines from registers, others from a buffer.
    template <Storage storage, class Of>
    [[gnu::noinline]] void stream_to(Stored<storage, T>* to, int count, Of of) const {
        const bool whole = reinterpret_cast<uintptr_t>(to) % 64 == 0 && shape_.inner * int64_t(sizeof(*to)) % 64 == 0;
        alignas(64) Stored<storage, T> row[most_tiles * lanes<T>];
        for (int64_t j = 0; j < shape_.K; ++j, to += shape_.inner) {
            if (storage == Storage::itself && whole && count % lanes<T> == 0) {
                for (int t = 0; t * lanes<T> < count; ++t) {
                    const auto column = of(t);
                    for (int l = 0; l < lanes<T>; l += wide<T>) {
                        stream_vector(column.template at<wide<T>>(j, l), to + t * lanes<T> + l);
                    }
                }
                continue;
            }
            write_class<storage>(j, count, of, row);
            stream_bytes(reinterpret_cast<const char*>(row), count * int64_t(sizeof(*to)), reinterpret_cast<char*>(to));
        }
#if defined(__SSE2__)
        _mm_sfence();  // streamed lines are not ordered with other stores
#endif
    }

    template <Storage storage, class Of>
    [[gnu::always_inline]] void write_class(int64_t j, int count, Of of, Stored<storage, T>* to) const {
        for (int t = 0; t * lanes<T> < count; ++t) {
            const auto column = of(t);
            for (int i = t * lanes<T>, l = 0; l < lanes<T>; l += wide<T>, i += wide<T>) {
                write_first_entries<storage, T, wide<T>>(column.template at<wide<T>>(j, l), to + i, count - i);
            }
        }
    }

    Shape shape_;
    int64_t padded_;  // the classes of a tile
    int tiles_;
    Buffer<T> entries_;
};

}  // namespace softgrad::SOFTGRAD_ISA
