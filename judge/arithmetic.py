"""Two arithmetics with more digits than float64. Their functions take arrays, and act on each entry.

Sums, products and comparisons are NumPy's own: an array of mpmath's numbers has the dtype object.
"""

import os

import mpmath
import numpy as np


class LongDouble:
    """NumPy's long double, with a significand of 64 bits or more: errors are about 0.001 ulp of float64."""

    exp, expm1, log, log1p, tanh, cosh = np.exp, np.expm1, np.log, np.log1p, np.tanh, np.cosh
    eps = np.finfo(np.longdouble).eps

    @staticmethod
    def wide(x):
        """The same numbers in long double."""
        return np.asarray(x).astype(np.longdouble)[()]

    @staticmethod
    def rounded(x):
        """The numbers in long double, unchanged."""
        return x

    def exp_of_quotient(self, z, m, T):
        """((z - m) / T, its exponential). The rounding errors of the difference and of the quotient correct exp."""
        d = z - m
        minus_m = d - z
        error = (z - (d - minus_m)) - (m + minus_m)  # z - m - d, exactly: Knuth's two-sum
        q = d / T
        error = np.where(np.isinf(q), 0, (error + self._minus_product(d, q, T)) / T)
        return q, np.exp(q) * (1 + error)

    @staticmethod
    def _minus_product(d, q, T):
        """D - q T with one rounding, for q near d / T: Dekker's product of halves."""
        half = np.longdouble(2) ** ((np.finfo(np.longdouble).nmant + 2) // 2) + 1
        (q_high, q_low), (T_high, T_low) = (
            (x * half - (x * half - x), x - (x * half - (x * half - x))) for x in (q, T)
        )
        return ((d - q_high * T_high) - q_high * T_low - q_low * T_high) - q_low * T_low


class Mpmath:
    """mpmath's numbers with a given number of digits, and exponents of any size."""

    def __init__(self, digits=50):
        self.context = mpmath.MPContext()  # with a precision of its own
        self.context.dps = digits
        for name in ("exp", "expm1", "log", "log1p", "tanh", "cosh", "convert"):
            setattr(self, name, self._of_arrays(getattr(self.context, name)))
        self.wide, self.eps = self.convert, self.context.mpf(self.context.eps)

    def _of_arrays(self, function):
        """The function of each entry; NaN where it is not real, as for the logarithm of a negative number."""

        def of_number(x):
            y = function(x)
            return y if isinstance(y, self.context.mpf) else self.context.nan

        ufunc = np.frompyfunc(of_number, 1, 1)

        def of_array(x):
            with np.errstate(invalid="ignore"):  # which warns of a NaN in x
                return ufunc(x)

        return of_array

    @staticmethod
    def rounded(x):
        """The numbers in long double. Two floats hold the 64 bits of its significand."""
        with np.errstate(invalid="ignore", under="ignore"):
            return np.vectorize(_to_long_double, otypes=[np.longdouble])(x)

    def exp_of_quotient(self, z, m, T):
        """((z - m) / T, its exponential)."""
        d = (z - m) / T
        return d, self.exp(d)


def _to_long_double(x):
    sign, mantissa, exponent, bits = mpmath.mp.convert(x)._mpf_  # (-1)^sign mantissa 2^exponent
    if not mantissa:
        return np.longdouble(float(x))  # 0, an infinity or NaN
    beyond = max(bits - 128, 0)
    mantissa = int(mantissa >> beyond)
    high = float(mantissa)
    rounded = np.longdouble(high) + np.longdouble(float(mantissa - int(high)))
    return np.ldexp(-rounded if sign else rounded, max(exponent + beyond, -40_000))


def _widest():
    """Long double; mpmath where long double is no wider than float64, or where SOFTGRAD_JUDGE is "mpmath"."""
    if np.finfo(np.longdouble).nmant < 63 or os.environ.get("SOFTGRAD_JUDGE") == "mpmath":
        return Mpmath(50)
    return LongDouble()


WIDE = _widest()
