// Threads that sleep between the calls that they help. They are started by the first call that needs them: to start one
// takes 60 microseconds, and to wake one about 20. Before a thread sleeps it looks for another call, no longer than it
// takes to wake it: calls that follow one another find it awake. To look for longer would slow down the threads of
// BLAS.
#pragma once

#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <cfenv>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace softgrad {

class Pool {
  public:
    // The pool of this process. It is never destroyed, since its threads sleep in it when the process ends. A process
    // that is forked has none of the threads, and maybe locks that nobody will unlock: it gets a pool of its own.
    static Pool& of_process() {
        static const int registered = pthread_atfork(nullptr, nullptr, [] { current() = new Pool; });
        (void)registered;
        return *current();
    }

    // Whether this call is one of a series: it and the one before it began so soon after a call that a thread which
    // helped that one would be looking for work. A backward pass soon after its forward pass is no series: if the next
    // forward pass comes late, each of them would wake a thread.
    bool call_follows() {
        const bool soon = now() - last_end_.load(std::memory_order_relaxed) < looks_for.count();
        return was_soon_.exchange(soon, std::memory_order_relaxed) && soon;
    }
    void call_ends() { last_end_.store(now(), std::memory_order_relaxed); }

    // Calls work() here and on up to `helpers` other threads, and returns when the calls that began have ended. A
    // thread that wakes up after this one has done all the work does not begin.
    template <class Work> void run(int64_t helpers, Work& work) {
        Job job{[](void* work) { (*static_cast<Work*>(work))(); }, &work, helpers, 0, {}, nullptr};
        std::fegetenv(&job.arithmetic);
        int64_t asleep = helpers;
        {
            const std::lock_guard lock(mutex_);
            asleep -= looking_;
            job.next = jobs_;
            jobs_ = &job;
            wanted_ += helpers;
            while (threads_ < helpers && start()) ++threads_;
        }
        for (int64_t i = 0; i < asleep; ++i) waiting_.notify_one();
        work();
        std::unique_lock lock(mutex_);
        Job** place = &jobs_;
        while (*place != &job) place = &(*place)->next;
        *place = job.next;
        wanted_ -= job.wanted;
        if (job.running == 0) return;
        lock.unlock();
        for (int i = 0; i < looks_before_sleep; ++i) {
            if (job.running == 0) return;
            pause();
        }
        lock.lock();
        ended_.wait(lock, [&] { return job.running == 0; });
    }

  private:
    // Other threads end about when this one does: to look for that for some microseconds is faster than to be woken.
    static constexpr int looks_before_sleep = 1000;

    static constexpr std::chrono::nanoseconds looks_for{20'000};

    static int64_t now() { return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1); }

    static void pause() {
#if defined(__SSE2__)
        __builtin_ia32_pause();
#endif
    }

    struct Job {
        void (*call)(void*);
        void* work;
        int64_t wanted;                // threads that may still begin
        std::atomic<int64_t> running;  // those that have begun and not ended
        std::fenv_t arithmetic;        // how the caller rounds, and whether subnormal numbers are 0 to it
        Job* next;
    };

    static Pool*& current() {
        static Pool* pool = new Pool;
        return pool;
    }

    // Starts a thread that gets no signals but those of its own faults: Python's handlers belong on its own threads,
    // and faulthandler shows where the others were.
    bool start() {
        sigset_t blocked, before;
        sigfillset(&blocked);
        for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL}) sigdelset(&blocked, fault);
        pthread_sigmask(SIG_SETMASK, &blocked, &before);
        pthread_t thread;
        const auto serve = [](void* pool) -> void* { static_cast<Pool*>(pool)->serve(); };
        const bool started = pthread_create(&thread, nullptr, serve, this) == 0;
        if (started) pthread_detach(thread);
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
        return started;
    }

    [[noreturn]] void serve() {
        std::unique_lock lock(mutex_);
        for (;;) {
            Job* job = wanting();
            if (!job) {
                ++looking_;
                lock.unlock();
                look();
                lock.lock();
                --looking_;
                waiting_.wait(lock, [&] { return (job = wanting()) != nullptr; });
            }
            --job->wanted, ++job->running, --wanted_;
            lock.unlock();
            std::fesetenv(&job->arithmetic);
            job->call(job->work);
            lock.lock();
            if (--job->running == 0) ended_.notify_all();
        }
    }

    void look() const {
        const auto end = std::chrono::steady_clock::now() + looks_for;
        do {
            for (int i = 0; i < 16; ++i) {
                if (wanted_.load(std::memory_order_relaxed) > 0) return;
                pause();
            }
        } while (std::chrono::steady_clock::now() < end);
    }

    Job* wanting() const {
        Job* job = jobs_;
        while (job && job->wanted == 0) job = job->next;
        return job;
    }

    std::mutex mutex_;
    std::condition_variable waiting_, ended_;
    Job* jobs_ = nullptr;
    int64_t threads_ = 0, looking_ = 0;
    std::atomic<int64_t> wanted_{0};  // by all jobs; changed under the mutex
    std::atomic<int64_t> last_end_{0};
    std::atomic<bool> was_soon_{false};
};

}  // namespace softgrad
