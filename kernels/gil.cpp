// CMake compiles this file without exceptions: pthread_cleanup_push would unwind the stack, too, in a file with them.
#include "gil.hpp"

#include <pthread.h>
#include <unistd.h>

namespace softgrad {

void restore_thread(PyThreadState* state) {
    const auto stop = [](void*) {
        for (;;) pause();
    };
    pthread_cleanup_push(stop, nullptr);
    PyEval_RestoreThread(state);
    pthread_cleanup_pop(0);
}

}  // namespace softgrad
