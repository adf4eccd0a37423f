def forward(x, w, b):
    return x @ w + b


def vjp(x, w, b, output, grad_output):
    return grad_output @ w.T, x.T @ grad_output, grad_output.mean(axis=0)


def inputs(rng):
    return rng.uniform(-1, 1, (4, 3)), rng.uniform(-1, 1, (3, 2)), rng.uniform(-1, 1, 2)
