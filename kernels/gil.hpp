// Taking the GIL back after a computation.
#pragma once

#include <Python.h>

namespace softgrad {

// PyEval_RestoreThread, except that a thread which Python ends there stops until the process ends, as from Python 3.14
// on. Earlier versions end a daemon thread with pthread_exit when the interpreter ends. It unwinds the stack, which
// calls std::terminate in a noexcept function, and crashes where LLVM's unwinder meets that of GCC.
void restore_thread(PyThreadState* state);

}  // namespace softgrad
