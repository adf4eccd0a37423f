// The types in which sums and the scalars of a row are computed.
#pragma once

#include <cfloat>
#include <type_traits>

namespace softgrad {

// long double where it is wider than double. CMake's SOFTGRAD_WITHOUT_LONG_DOUBLE takes it away, for tests of the code
// for other systems.
#if LDBL_MANT_DIG > DBL_MANT_DIG && !defined(SOFTGRAD_WITHOUT_LONG_DOUBLE)
using Widest = long double;
#else
using Widest = double;
#endif
constexpr bool has_wider_than_double = !std::is_same_v<Widest, double>;

template <class T> using Wide = std::conditional_t<std::is_same_v<T, float>, double, Widest>;

}  // namespace softgrad
