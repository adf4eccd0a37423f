"""The questions by name: every operation in every dtype."""

from benchmarks.questions.base import Operation, Question, Size, Truth
from benchmarks.questions.cross_entropy import CrossEntropy
from benchmarks.questions.softmax import LogSoftmax, LogSoftmaxVjp, Softmax, SoftmaxColumns, SoftmaxVjp
from benchmarks.questions.tokens import TokenLogProbs

__all__ = ["QUESTIONS", "QUICK_SIZES", "SWEEP_CLASSES", "Operation", "Question", "Size", "Truth"]

SWEEP_CLASSES = 1000  # the number of classes in the plots, which show the time against the number of rows
SMALL = (Size(1, 10), Size(64, 10))
SWEEP = tuple(Size(rows, SWEEP_CLASSES) for rows in (1, 16, 256, 4096, 65_536))
QUICK_SIZES = (Size(64, 10), Size(16, 1000), Size(256, 1000))

_OPERATIONS: tuple[tuple[Operation, str], ...] = (
    (CrossEntropy(), "loss and gradient of the mean"),
    (Softmax(), "probabilities"),
    (LogSoftmax(), "log-probabilities"),
    (SoftmaxVjp(), "backward pass of softmax"),
    (LogSoftmaxVjp(), "backward pass of log_softmax"),
)


def _sizes(dtype: str) -> tuple[Size, ...]:
    """Small sizes, one with few classes, medium sizes and a vocabulary; fewer rows if not float32, to save time."""
    if dtype != "float32":
        few, more = (Size(1, SWEEP_CLASSES), Size(16, SWEEP_CLASSES)), (Size(256, SWEEP_CLASSES), Size(1024, 32_000))
        return (*SMALL, *few, Size(1_000_000, 10), *more)
    return (*SMALL, Size(1_000_000, 10), *SWEEP, Size(4096, 32_000))


def _question(operation: Operation, title: str, dtype: str) -> Question:
    name = operation.name.replace("_", "-")
    return Question(
        name=name if dtype == "float32" else f"{name}-{dtype}",
        title=title,
        operation=operation,
        dtype=dtype,
        sizes=_sizes(dtype),
    )


_QUESTIONS = (
    _question(operation, title, dtype)
    for dtype in ("float32", "float64", "float16", "bfloat16")
    for operation, title in _OPERATIONS
)
_TOKENS = Question(
    name="token-log-probs",
    title="log-probabilities of tokens and entropies, with the gradient of both",
    operation=TokenLogProbs(),
    dtype="float32",
    sizes=(Size(64, 10), Size(256, SWEEP_CLASSES), Size(1024, 32_000), Size(2048, 50_257)),
)
_SHORT_ROWS = Question(
    name="softmax-short-rows",
    title="probabilities of a million short rows",
    operation=Softmax(),
    dtype="float32",
    sizes=tuple(Size(1_000_000, classes) for classes in (2, 4, 10, 32, 64)),
)
_COLUMNS = Question(
    name="softmax-columns",
    title="probabilities, with the classes on axis 0",
    operation=SoftmaxColumns(),
    dtype="float32",
    sizes=(Size(64, 10), Size(16, 1000), Size(100_000, 10), Size(4096, 1000)),
)
QUESTIONS = {question.name: question for question in (*_QUESTIONS, _TOKENS, _SHORT_ROWS, _COLUMNS)}
