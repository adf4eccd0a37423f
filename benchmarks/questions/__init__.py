"""The questions, by name."""

from benchmarks.questions.base import Question, Size
from benchmarks.questions.cross_entropy import CrossEntropy
from benchmarks.questions.softmax import LogSoftmax, Softmax, SoftmaxVjp

__all__ = ["QUESTIONS", "QUICK_SIZES", "SWEEP_CLASSES", "Question", "Size"]

SWEEP_CLASSES = 1000  # the plots show time against rows of this many classes

SIZES = (
    Size(64, 10),
    Size(1_000_000, 10),
    *(Size(rows, SWEEP_CLASSES) for rows in (1, 16, 256, 4096, 65_536)),
    Size(4096, 32_000),
)
QUICK_SIZES = (Size(64, 10), Size(16, 1000), Size(256, 1000))

_LOSS = "loss and gradient of the mean"
_QUESTIONS = (
    Question("cross-entropy", _LOSS, CrossEntropy(), "float32", SIZES),
    Question("cross-entropy-float64", _LOSS, CrossEntropy(), "float64", SIZES),
    Question("cross-entropy-float16", _LOSS, CrossEntropy(), "float16", SIZES),
    Question("cross-entropy-bfloat16", _LOSS, CrossEntropy(), "bfloat16", SIZES),
    Question("softmax", "probabilities", Softmax(), "float32", SIZES),
    Question("log-softmax", "log-probabilities", LogSoftmax(), "float32", SIZES),
    Question("softmax-vjp", "backward pass of softmax", SoftmaxVjp(), "float32", SIZES),
)
QUESTIONS = {question.name: question for question in _QUESTIONS}
