import numpy as np

import softgrad as sg


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_backward(z, p, dp):
    return p * (1 - p) * dp


z = np.array([[2.0, 1.0, 0.1], [0.0, 3.0, 1.0]])
report = sg.check_vjp(softmax, softmax_backward, z)
print(report)
