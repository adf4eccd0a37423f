// Splits rows over threads. Each row is computed by one thread, so the result does not depend on their number.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>

#include "pool.hpp"

namespace softgrad {

// For fewer exponentials, to wake a thread costs more time than it saves, and so does sharing them with one that is
// awake. So many threads are kept awake at most.
constexpr int64_t exponentials_worth_waking = 40 * 1024, exponentials_worth_sharing = 6 * 1024, kept_awake = 4;

// Calls rows(begin, end) such that the calls together cover 0..N-1, each with a multiple of `together` rows, but for
// the last. `exponentials` measures the work of all calls. An exception of one call is rethrown when all have ended.
template <class Rows>
void split_rows(int64_t N, int64_t together, int64_t exponentials, int64_t max_threads, const Rows& rows) {
    const int64_t groups = (N + together - 1) / together;
    const auto threads_for = [=](int64_t least) {
        return std::max<int64_t>(1, std::min({max_threads, exponentials / least, groups}));
    };
    const int64_t awake = std::min(kept_awake, threads_for(exponentials_worth_sharing));
    int64_t threads = threads_for(exponentials_worth_waking);
    if (threads == 1 && awake == 1) return rows(0, N);
    Pool& pool = Pool::of_process();
    if (threads < awake && pool.call_follows()) threads = awake;
    if (threads == 1) {
        rows(0, N);
        return pool.call_ends();
    }
    // Several parts per thread, taken in turn: a thread that starts late or is interrupted takes fewer. The caller
    // takes them from the first on and the others from the last, so that in the next call most rows are in the same
    // caches.
    const int64_t wanted = std::min(8 * threads, std::max(threads, 2 * exponentials / exponentials_worth_sharing));
    const int64_t part = (groups + wanted - 1) / wanted * together, parts = (N + part - 1) / part;
    std::atomic<int64_t> taken{0}, from_first{0}, from_last{0};
    std::exception_ptr thrown;
    std::mutex mutex;
    const auto caller = std::this_thread::get_id();
    auto work = [&] {
        const bool is_caller = std::this_thread::get_id() == caller;
        try {
            while (taken.fetch_add(1) < parts) {
                const int64_t begin = (is_caller ? from_first.fetch_add(1) : parts - 1 - from_last.fetch_add(1)) * part;
                rows(begin, std::min(N, begin + part));
            }
        } catch (...) {
            const std::lock_guard lock(mutex);
            thrown = std::current_exception();
        }
    };
    pool.run(threads - 1, work);
    pool.call_ends();
    if (thrown) std::rethrow_exception(thrown);
}

}  // namespace softgrad
