"""Fully connected networks, trained by backpropagation that a reader can follow line by line.

layers.py: what each layer computes, and its derivatives. network.py: the forward and the backward pass. objective.py:
the loss of a batch. optimizers.py: the update of the parameters. trainer.py: the training loop, which runs the passes
in the arrays of workspace.py. checkpoint.py: saving and loading networks and states of trainings.
"""

from softgrad.nn.checkpoint import load, load_state, save, save_state
from softgrad.nn.epoch import Epoch
from softgrad.nn.layers import Dense, Dropout, Layer, ReLU, Sigmoid, Softmax, Tanh
from softgrad.nn.network import LossAndGrads, Network
from softgrad.nn.optimizers import SGD, Adam, Optimizer
from softgrad.nn.schedules import Constant, Cosine, Plateau, Schedule
from softgrad.nn.trainer import Trainer
from softgrad.nn.training import train

__all__ = [
    "SGD",
    "Adam",
    "Constant",
    "Cosine",
    "Dense",
    "Dropout",
    "Epoch",
    "Layer",
    "LossAndGrads",
    "Network",
    "Optimizer",
    "Plateau",
    "ReLU",
    "Schedule",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "Trainer",
    "load",
    "load_state",
    "save",
    "save_state",
    "train",
]
