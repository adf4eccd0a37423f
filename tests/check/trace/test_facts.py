"""What a report says of an operation that the trace does not know."""

import inspect

import numpy as np

import softgrad as sg

X = np.random.default_rng(0).normal(size=(3, 4))


def spectrum(x):
    return np.abs(np.fft.rfft(x)) ** 2


def test_an_unknown_operation_is_told_with_its_line():
    report = sg.check_vjp(spectrum, lambda x, y, g: x * g.sum(), X)
    assert report.ok is False
    line = inspect.getsourcelines(spectrum)[1] + 1
    assert f"forward is not traced through np.fft.rfft, line {line}" in report.facts


def test_nothing_is_told_of_what_does_not_matter():
    def forward(x):
        return x * np.tanh(x) + 0 * np.fft.rfft(np.ones(4)).real[0]

    report = sg.check_vjp(forward, lambda x, y, g: g * (np.tanh(x) + x * np.tanh(x) ** 2), X)
    assert report.ok is False
    assert not any("traced" in fact for fact in report.facts)
