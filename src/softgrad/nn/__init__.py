"""Fully connected networks, trained by backpropagation that a reader can follow line by line.

layers.py: what each layer computes, and its derivatives. network.py: forward and backward. optimizers.py: the step.
training.py: the loop. checkpoint.py: the file.
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
