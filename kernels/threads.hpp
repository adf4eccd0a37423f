// Splits rows over threads that live for one call only: nothing is left spinning beside the BLAS pool, and nothing is
// there for a fork to lose. Each row is computed by one thread, so the result does not depend on how many there are.
#pragma once

#include <algorithm>
#include <cstdint>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace softgrad {

// Entries below which a thread costs more to start (about 20 microseconds) than it saves.
constexpr int64_t entries_worth_a_thread = 64 * 1024;

// Calls rows(begin, end) so that the calls together cover 0..N-1. What one of them throws is thrown when all have
// ended.
template <class Rows> void split_rows(int64_t N, int64_t K, int64_t max_threads, const Rows& rows) {
    const int64_t worth = N * K / entries_worth_a_thread;
    const int64_t parts = std::max<int64_t>(1, std::min({max_threads, worth, N}));
    std::exception_ptr thrown;
    std::mutex mutex;
    const auto run = [&](int64_t begin, int64_t end) {
        try {
            rows(begin, end);
        } catch (...) {
            const std::lock_guard lock(mutex);
            thrown = std::current_exception();
        }
    };
    std::vector<std::thread> helpers;
    int64_t begin = 0;
    for (int64_t part = 1; part < parts; ++part) {
        const int64_t end = N * part / parts;
        try {
            helpers.emplace_back(run, begin, end);
        } catch (const std::system_error&) {  // no thread to be had: the caller does the rest itself
            break;
        }
        begin = end;
    }
    run(begin, N);
    for (std::thread& helper : helpers) helper.join();
    if (thrown) std::rethrow_exception(thrown);
}

}  // namespace softgrad
