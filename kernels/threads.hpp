// Splits rows over threads that live for one call only: none spins beside the BLAS pool, and none is lost in a fork.
// Each row is computed by one thread, so the result does not depend on the number of threads.
#pragma once

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <utility>
#include <vector>

#if defined(__GLIBC__)
    #include <sched.h>
#endif

namespace softgrad {

// Exponentials below which a thread costs more to start (about 60 microseconds) than it saves.
constexpr int64_t exponentials_worth_a_thread = 96 * 1024;

// A thread that runs work(). Linux often starts a new thread on the processor of its creator, and moves it to an idle
// processor only milliseconds later, when the call is over. Therefore this thread avoids that processor, if it may.
template <class Work> class Helper {
  public:
    explicit Helper(Work& work) {
        pthread_attr_t attributes;
        pthread_attr_init(&attributes);
#if defined(__GLIBC__)
        cpu_set_t processors;
        if (sched_getaffinity(0, sizeof(processors), &processors) == 0 && CPU_COUNT(&processors) > 1) {
            CPU_CLR(size_t(sched_getcpu()), &processors);
            pthread_attr_setaffinity_np(&attributes, sizeof(processors), &processors);
        }
#endif
        const auto run = [](void* work) -> void* {
            (*static_cast<Work*>(work))();
            return nullptr;
        };
        started_ = pthread_create(&thread_, &attributes, run, &work) == 0 ||
                   pthread_create(&thread_, nullptr, run, &work) == 0;
        pthread_attr_destroy(&attributes);
    }
    Helper(Helper&& other) noexcept : thread_(other.thread_), started_(std::exchange(other.started_, false)) {}
    ~Helper() {
        if (started_) pthread_join(thread_, nullptr);
    }
    bool started() const { return started_; }

  private:
    pthread_t thread_{};
    bool started_ = false;
};

// Calls rows(begin, end) such that the calls together cover 0..N-1, each with a multiple of `together` rows, but for
// the last. `exponentials` measures the work of all calls. An exception of one call is rethrown when all have ended.
template <class Rows>
void split_rows(int64_t N, int64_t together, int64_t exponentials, int64_t max_threads, const Rows& rows) {
    const int64_t worth = exponentials / exponentials_worth_a_thread;
    const int64_t groups = (N + together - 1) / together;
    const int64_t threads = std::max<int64_t>(1, std::min({max_threads, worth, groups}));
    if (threads == 1) return rows(0, N);
    // Several parts per thread, taken in turn: a thread that starts late or is interrupted takes fewer.
    const int64_t part = (groups + 8 * threads - 1) / (8 * threads) * together;
    std::atomic<int64_t> next{0};
    std::exception_ptr thrown;
    std::mutex mutex;
    auto work = [&] {
        try {
            for (int64_t begin; (begin = next.fetch_add(part)) < N;) rows(begin, std::min(N, begin + part));
        } catch (...) {
            const std::lock_guard lock(mutex);
            thrown = std::current_exception();
        }
    };
    {
        std::vector<Helper<decltype(work)>> helpers;
        helpers.reserve(size_t(threads - 1));
        for (int64_t i = 1; i < threads; ++i) {
            helpers.emplace_back(work);
            if (!helpers.back().started()) break;  // no thread can be started: the others do its work
        }
        work();
    }  // joins them
    if (thrown) std::rethrow_exception(thrown);
}

}  // namespace softgrad
