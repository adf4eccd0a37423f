"""Fully connected networks, trained by backpropagation that a reader can follow line by line.

layers.py: what each layer computes, and its derivatives. network.py: the forward and the backward pass.
optimizers.py: the update of the parameters. training.py: the training loop. checkpoint.py: saving and loading.
"""

from softgrad.nn.checkpoint import load, save
from softgrad.nn.layers import Dense, Layer, ReLU, Sigmoid, Softmax, Tanh
from softgrad.nn.network import LossAndGrads, Network
from softgrad.nn.optimizers import SGD, Adam, Optimizer
from softgrad.nn.training import Epoch, train

__all__ = [
    "SGD",
    "Adam",
    "Dense",
    "Epoch",
    "Layer",
    "LossAndGrads",
    "Network",
    "Optimizer",
    "ReLU",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "load",
    "save",
    "train",
]
