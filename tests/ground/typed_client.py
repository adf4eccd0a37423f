"""A client of softgrad as a type checker sees it. `mypy` checks this file; no test runs it.

A line that must be an error is marked, and mypy reports a mark on a line without one. test_import.py checks that every
public name is here.
"""

from typing import Unpack

import numpy as np

import softgrad as sg

PUBLIC = (
    sg.AxisError,
    sg.CheckError,
    sg.DataError,
    sg.DtypeError,
    sg.FocalOptions,
    sg.LabelError,
    sg.LinearGrad,
    sg.LinearLossAndGrad,
    sg.LinearLossGradStats,
    sg.LossAndGrad,
    sg.LossGradStats,
    sg.LossOptions,
    sg.MissingPackageError,
    sg.ModelError,
    sg.OptionError,
    sg.RowStats,
    sg.ShapeError,
    sg.SoftgradError,
    sg.SoftmaxJacobian,
    sg.TokenLogProbs,
    sg.TrainingError,
    sg.WriteError,
    sg.check,
    sg.check_grad,
    sg.check_layer,
    sg.check_vjp,
    sg.cross_entropy,
    sg.cross_entropy_hvp,
    sg.cross_entropy_jvp,
    sg.cross_entropy_with_grad,
    sg.cross_entropy_with_stats,
    sg.data,
    sg.explain,
    sg.explanation,
    sg.focal_loss,
    sg.focal_loss_hvp,
    sg.focal_loss_jvp,
    sg.focal_loss_with_grad,
    sg.focal_loss_with_stats,
    sg.get_num_threads,
    sg.kl_divergence,
    sg.kl_divergence_hvp,
    sg.kl_divergence_jvp,
    sg.kl_divergence_with_grad,
    sg.kl_divergence_with_stats,
    sg.linear_cross_entropy,
    sg.linear_cross_entropy_hvp,
    sg.linear_cross_entropy_with_grad,
    sg.linear_cross_entropy_with_stats,
    sg.log_softmax,
    sg.log_softmax_jvp,
    sg.log_softmax_vjp,
    sg.logsumexp,
    sg.logsumexp_jvp,
    sg.logsumexp_vjp,
    sg.nn,
    sg.set_num_threads,
    sg.softmax,
    sg.softmax_jvp,
    sg.softmax_vjp,
    sg.squared_error,
    sg.squared_error_hvp,
    sg.squared_error_jvp,
    sg.squared_error_with_grad,
    sg.squared_error_with_stats,
    sg.testing,
    sg.token_log_probs,
    sg.token_log_probs_vjp,
    sg.check.GradientError,
    sg.check.Mistake,
    sg.check.Place,
    sg.check.Report,
    sg.check.SourceLine,
    sg.check.check_grad,
    sg.check.check_vjp,
    sg.check.compare_gradients,
)


def my_loss(z: np.ndarray, y: np.ndarray, **options: Unpack[sg.LossOptions]) -> sg.LossAndGrad:
    return sg.cross_entropy_with_grad(z, y, **options)


def my_focal_loss(z: np.ndarray, y: np.ndarray, **options: Unpack[sg.FocalOptions]) -> sg.LossAndGrad:
    return sg.focal_loss_with_grad(z, y, **options)


def wrong() -> None:
    print(sg.cross_entrpy)  # type: ignore[attr-defined]
    print(sg.Array)  # type: ignore[attr-defined]
    print(sg.check.Repot)  # type: ignore[attr-defined]
    sg.cross_entropy_with_grad([0.0], 0, gamma=2.0)  # type: ignore[call-arg]
    sg.focal_loss_jvp([0.0], 0, [0.0], z_loss=1.0)  # type: ignore[call-arg]
    sg.linear_cross_entropy_with_grad([[0.0]], [[0.0]], [0], axis=1)  # type: ignore[call-arg]
    sg.softmax_vjp([0.0], [0.0], axis="last")  # type: ignore[arg-type]
    sg.kl_divergence([0.0], 0, reduction="average")  # type: ignore[arg-type]
