"""The judge: a reference implementation of softmax, the losses and their derivatives. It imports nothing of softgrad.

It follows the definitions, without regard to speed. Each formula is written once, and computed in one of two
arithmetics: NumPy's long double, or mpmath with any number of digits. The classes are on the last axis.

    arithmetic.py   long double and mpmath, under the same names
    judged.py       a value together with the size of the terms that are summed to it
    softmax.py      softmax, log_softmax, logsumexp, their Jacobians and the products with them
    tokens.py       log-probabilities of tokens, entropies, and the gradient of both
    losses.py       one function per loss: the loss of a row, its gradient, its Hessian
    batch.py        the options that all losses share; rows, their mean, and products with the Hessian
    network.py      networks of layers, with derivatives by finite differences
"""

from judge.arithmetic import WIDE as WIDE
from judge.arithmetic import LongDouble as LongDouble
from judge.arithmetic import Mpmath as Mpmath
from judge.batch import LossAndGrad as LossAndGrad
from judge.batch import Rows as Rows
from judge.batch import hessian_times as hessian_times
from judge.batch import rows as rows
from judge.judged import Judged as Judged
from judge.judged import judged as judged
from judge.softmax import jacobian as jacobian
from judge.softmax import log_jacobian as log_jacobian
from judge.softmax import log_softmax as log_softmax
from judge.softmax import log_softmax_jvp as log_softmax_jvp
from judge.softmax import log_softmax_vjp as log_softmax_vjp
from judge.softmax import logsumexp as logsumexp
from judge.softmax import logsumexp_jvp as logsumexp_jvp
from judge.softmax import logsumexp_vjp as logsumexp_vjp
from judge.softmax import softmax as softmax
from judge.softmax import softmax_jvp as softmax_jvp
from judge.softmax import softmax_of as softmax_of
from judge.softmax import softmax_vjp as softmax_vjp
from judge.tokens import token_log_probs as token_log_probs
from judge.tokens import token_log_probs_vjp as token_log_probs_vjp

wide = WIDE.wide
