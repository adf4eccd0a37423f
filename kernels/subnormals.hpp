// Subnormal numbers, which most processors compute with many times more slowly than with others.
#pragma once

#if defined(__SSE2__)
    #include <xmmintrin.h>
#endif

namespace softgrad {

// While it lives, this thread reads and writes subnormal numbers as 0. Where a gradient stays 0, the running means of
// an optimizer fade until they are subnormal, and would stay so. Only for x86-64: elsewhere they cost little.
class SubnormalsAreZero {
  public:
#if defined(__SSE2__)
    SubnormalsAreZero() : before_(_mm_getcsr()) { _mm_setcsr(before_ | flush_to_zero | denormals_are_zero); }
    ~SubnormalsAreZero() { _mm_setcsr(before_); }

  private:
    static constexpr unsigned flush_to_zero = 1u << 15, denormals_are_zero = 1u << 6;
    const unsigned before_;
#else
    SubnormalsAreZero() {}  // with a body, so that no compiler warns of an unused variable
#endif
};

}  // namespace softgrad
