"""Backward passes in torch, written without knowledge of the checker: right ones, and ones with a planted mistake.

Each file in corpus/ has case(), which returns what is checked and its inputs; CAUSE, the mistake in words, None for a
right one; LINE, the text of the line where it is; SHOWS, when it shows.
"""

import importlib.util
import sys
from pathlib import Path

import pytest

from conftest import load

torch = load("torch")

import softgrad.torch as st  # noqa: E402

FILES = {path.stem: path for path in sorted((Path(__file__).parent / "corpus").glob("*.py"))}
NAMES = {  # the names that fit; the others are detected and located
    "02_ce_ignore": "ignored-rows-counted",
    "05_layernorm_affine": "norm-mean-term-missing",
    "06_huber_delta": "number-ignored",
    "07_ntxent_selfsim": "left-out",
    "08_conv1d_windows": "repeated-indices",
    "09_attention": "attention-scale-missing",
    "10_linear_extending": "weight-not-transposed",
    "11_grouped_query_attention": "memory-order",
    "12_swish": "activation-derivative-at-output",
    "14_distill_soft_targets": "target-sum-missing",
    "15_lstm_cell": "upstream-ignored",
    "16_batchnorm_pair": "wrong-operand",
    "19_fast_relu": "grad-output-overwritten",
    "20_mish": "state-outside-ctx",
    "21_logistic_loss": "float32-result",
    "24_cosine_similarity": "left-out",
    "26_embedding_lookup": "repeated-rows-lost",
    "28_label_smoothing": "smoothing-ignored",
    "30_softmax_rows": "wrong-axis",
    "32_rmsnorm_op": "wrong-factor",
    "33_vae_kl": "wrong-factor",
    "34_bilinear": "transposed-product",
    "35_token_linear": "upstream-layout",
    "36_gelu_tanh": "wrong-factor",
    "37_log_softmax": "log-output-for-probabilities",
}
OTHER_LINES = {  # a line beside the planted one
    "02_ce_ignore": "grad[rows, labels[mask]] -= 1.0",
    "13_bce_pos_weight": "w = 1 + (ctx.pos_weight - 1) * y",
}


def module_of(name):
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, FILES[name])
        sys.modules[name] = module = importlib.util.module_from_spec(spec)  # an operator is registered once
        spec.loader.exec_module(module)
    return sys.modules[name]


@pytest.mark.parametrize("name", FILES)
def test_what_is_said_of_it(name):
    module = module_of(name)
    fn, inputs = module.case()
    report = st.check(fn, *inputs)
    assert report.ok is (module.CAUSE is None), report.text()
    if module.CAUSE is None:
        assert report.mistakes == ()
        return
    assert report.backward_line.text == OTHER_LINES.get(name, module.LINE), report.text()
    if name in NAMES:
        assert report.mistake.name == NAMES[name], report.text()


def test_how_many_there_are():
    planted = [name for name in FILES if module_of(name).CAUSE is not None]
    assert (len(FILES), len(planted)) == (38, 26)
    assert set(NAMES) <= set(planted)
