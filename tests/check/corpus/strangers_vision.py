"""Mistakes in strangers' convolutions, pooling, normalisation and residual layers. The wrong line is marked."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from check.corpus.case import Family
from check.corpus.common import relu, sigmoid

family = Family("strangers, vision")


@family.planted(
    "only-the-last", "windows overlap, and dx keeps the last window alone: = for +=", also=("repeated-indices",)
)
def convolution_in_loops(rng):
    stride, pad = 1, 1

    def conv_forward(x, w, b):
        N, _, H, W = x.shape
        F, _, HH, WW = w.shape
        xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), mode="constant")
        out = np.zeros((N, F, 1 + (H + 2 * pad - HH) // stride, 1 + (W + 2 * pad - WW) // stride))
        for n in range(N):
            for f in range(F):
                for i in range(out.shape[2]):
                    for j in range(out.shape[3]):
                        window = xp[n, :, i * stride : i * stride + HH, j * stride : j * stride + WW]
                        out[n, f, i, j] = np.sum(window * w[f]) + b[f]
        return out

    def conv_backward(x, w, b, out, dout):
        N, F, Ho, Wo = dout.shape
        _, _, HH, WW = w.shape
        xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), mode="constant")
        dxp, dw, db = np.zeros_like(xp), np.zeros_like(w), np.zeros_like(b)
        for n in range(N):
            for f in range(F):
                db[f] += dout[n, f].sum()
                for i in range(Ho):
                    for j in range(Wo):
                        rows, cols = slice(i * stride, i * stride + HH), slice(j * stride, j * stride + WW)
                        dw[f] += xp[n, :, rows, cols] * dout[n, f, i, j]
                        dxp[n, :, rows, cols] = w[f] * dout[n, f, i, j]  # planted
        return dxp[:, :, pad:-pad, pad:-pad], dw, db

    return (
        conv_forward,
        conv_backward,
        (rng.normal(size=(2, 1, 3, 3)), rng.normal(size=(2, 1, 3, 3)), rng.normal(size=2)),
    )


@family.planted("memory-order", "dout is flattened as (n, f, i, j) where the columns stand as (n, i, j)")
def convolution_by_columns(rng):
    class Conv2D:
        def __init__(self, kernel):
            self.k = kernel

        def columns(self, x):
            win = sliding_window_view(x, (self.k, self.k), axis=(2, 3))  # N C i j k k
            return win.transpose(0, 2, 3, 1, 4, 5).reshape(-1, x.shape[1] * self.k * self.k)

        def forward(self, x, W, b):
            self.x_shape, self.W, self.cols = x.shape, W, self.columns(x)
            n, o = x.shape[0], x.shape[2] - self.k + 1
            y = self.cols @ W.reshape(W.shape[0], -1).T + b
            return y.reshape(n, o, o, -1).transpose(0, 3, 1, 2)

        def backward(self, dout):
            n, F, o, _ = dout.shape
            db = dout.sum(axis=(0, 2, 3))
            flat = dout.reshape(-1, F)  # planted
            dW = (flat.T @ self.cols).reshape(self.W.shape)
            rows = dout.transpose(0, 2, 3, 1).reshape(-1, F)
            dcols = (rows @ self.W.reshape(F, -1)).reshape(n, o, o, -1, self.k, self.k)
            dx = np.zeros(self.x_shape)
            for i in range(self.k):
                for j in range(self.k):
                    dx[:, :, i : i + o, j : j + o] += dcols[..., i, j].transpose(0, 3, 1, 2)
            return dx, dW, db

    conv = Conv2D(2)
    inputs = rng.normal(size=(2, 2, 4, 4)), rng.normal(size=(3, 2, 2, 2)), rng.normal(size=3)
    return conv.forward, lambda x, W, b, y, g: conv.backward(g), inputs


@family.planted("wrong-operand", "the kernel is turned once too often", also=("memory-order", "wrong-iteration"))
def one_dimensional_filter(rng):
    """np.convolve turns the kernel; the way back is a correlation, which does not."""

    def blur(signal, kernel):
        return np.convolve(signal, kernel, mode="same")

    def blur_back(signal, kernel, out, g):
        m = len(kernel) // 2
        ds = np.convolve(g, kernel, mode="same")  # planted
        padded = np.pad(signal, m)
        dk = np.array([g @ padded[2 * m - j : 2 * m - j + len(g)] for j in range(len(kernel))])
        return ds, dk

    return blur, blur_back, (rng.normal(size=9), rng.normal(size=3))


@family.planted("repeated-indices", "windows share their largest pixel, and += by index adds once")
def overlapping_max_pooling(rng):
    size, stride = 3, 1

    def corners(n):
        return range(0, n - size + 1, stride)

    def places(x):
        """Where the largest pixel of each window stands."""
        picked = []
        for i in corners(x.shape[0]):
            for j in corners(x.shape[1]):
                r, c = np.unravel_index(x[i : i + size, j : j + size].argmax(), (size, size))
                picked.append((i + r, j + c))
        return np.array(picked).T

    def pool(x):
        r, c = places(x)
        return x[r, c].reshape(len(corners(x.shape[0])), -1)

    def pool_back(x, out, g):
        dx = np.zeros_like(x)
        r, c = places(x)
        dx[r, c] += g.ravel()  # planted
        return dx

    return pool, pool_back, (rng.normal(size=(6, 5)),)


@family.planted("wrong-factor", "each pixel of a 2 x 2 mean gets the whole gradient", kind="grad", wrt=(0, 1))
def small_convolutional_classifier(rng):
    """Mean pooling, then a dense layer and softmax."""

    def net(W, images, labels):
        n, side, _ = images.shape
        pooled = images.reshape(n, side // 2, 2, side // 2, 2).mean(axis=(2, 4))
        features = relu(pooled).reshape(n, -1)
        s = features @ W
        s = s - s.max(1, keepdims=True)
        logp = s - np.log(np.exp(s).sum(1, keepdims=True))
        return pooled, features, logp

    def loss(W, images, labels):
        return -net(W, images, labels)[2][np.arange(len(labels)), labels].mean()

    def grads(W, images, labels):
        pooled, features, logp = net(W, images, labels)
        delta = np.exp(logp)
        delta[np.arange(len(labels)), labels] -= 1.0
        delta /= len(labels)
        dpooled = (delta @ W.T).reshape(pooled.shape) * (pooled > 0)
        dimages = dpooled.repeat(2, axis=1).repeat(2, axis=2)  # planted
        return features.T @ delta, dimages

    return loss, grads, (rng.normal(size=(4, 3)), rng.normal(size=(5, 4, 4)), rng.integers(0, 3, 5))


@family.planted("left-out", "what flows through the mean is missing", also=("norm-mean-term-missing",))
def batch_norm_step_by_step(rng):
    eps = 1e-5
    saved = {}

    def batchnorm_forward(x, gamma, beta):
        mu = np.mean(x, axis=0)
        xmu = x - mu
        var = np.mean(xmu**2, axis=0)
        sqrtvar = np.sqrt(var + eps)
        ivar = 1.0 / sqrtvar
        xhat = xmu * ivar
        saved.update(xhat=xhat, gamma=gamma, xmu=xmu, ivar=ivar, sqrtvar=sqrtvar)
        return gamma * xhat + beta

    def batchnorm_backward(x, gamma, beta, out, dout):
        N = dout.shape[0]
        xhat, ivar, xmu = saved["xhat"], saved["ivar"], saved["xmu"]
        dbeta = np.sum(dout, axis=0)
        dgamma = np.sum(dout * xhat, axis=0)
        dxhat = dout * saved["gamma"]
        divar = np.sum(dxhat * xmu, axis=0)
        dxmu1 = dxhat * ivar
        dsqrtvar = -divar / saved["sqrtvar"] ** 2
        dvar = 0.5 * dsqrtvar * ivar
        dxmu2 = 2 * xmu * dvar / N
        dx = dxmu1 + dxmu2  # planted
        return dx, dgamma, dbeta

    return batchnorm_forward, batchnorm_backward, (rng.normal(size=(6, 3)), rng.normal(1, 0.3, 3), rng.normal(size=3))


@family.planted(
    "broadcast-sum",
    "gamma is summed over the features; as many rows as features let it pass",
    also=("wrong-operand", "norm-parameter-axis"),
)
def layer_norm_on_a_square_batch(rng):
    class LayerNorm:
        def __init__(self, gamma, beta, eps=1e-6):
            self.gamma, self.beta, self.eps = gamma, beta, eps

        def forward(self, x):
            self.std = np.sqrt(x.var(-1, keepdims=True) + self.eps)
            self.norm = (x - x.mean(-1, keepdims=True)) / self.std
            return self.norm * self.gamma + self.beta

        def backward(self, grad):
            self.dgamma = (grad * self.norm).sum(axis=-1)  # planted
            self.dbeta = grad.sum(axis=0)
            g = grad * self.gamma
            mean = lambda a: a.mean(-1, keepdims=True)  # noqa: E731
            return (g - mean(g) - self.norm * mean(g * self.norm)) / self.std

    def forward(x, gamma, beta):
        return LayerNorm(gamma, beta).forward(x)

    def vjp(x, gamma, beta, y, g):
        layer = LayerNorm(gamma, beta)
        layer.forward(x)
        dx = layer.backward(g)
        return dx, layer.dgamma, layer.dbeta

    return forward, vjp, (rng.normal(size=(4, 4)), rng.normal(1, 0.2, 4), rng.normal(size=4))


@family.planted("gradients-exchanged", "gamma gets the gradient of beta, and beta that of gamma")
def instance_norm(rng):
    """(N, C, H, W), one mean for each image and channel."""

    def stats(x):
        m = x.mean(axis=(2, 3), keepdims=True)
        s = x.std(axis=(2, 3), keepdims=True) + 1e-3
        return m, s

    def forward(x, params):
        m, s = stats(x)
        return params["gamma"][None, :, None, None] * (x - m) / s + params["beta"][None, :, None, None]

    def backward(x, params, out, d):
        m, s = stats(x)
        centred = x - m
        per_channel = [(d * centred / s).sum((0, 2, 3)), d.sum((0, 2, 3))]
        grads = dict(zip(["beta", "gamma"], per_channel, strict=True))  # planted
        d = d * params["gamma"].reshape(1, -1, 1, 1)
        count = x.shape[2] * x.shape[3]
        ds = -(d * centred).sum((2, 3), keepdims=True) / s**2
        dx = d / s + ds * centred / ((s - 1e-3) * count)
        return dx - dx.mean(axis=(2, 3), keepdims=True), grads

    params = {"gamma": rng.normal(1, 0.3, 2), "beta": rng.normal(size=2)}
    return forward, backward, (rng.normal(size=(3, 2, 2, 3)), params)


@family.planted("left-out", "the shortcut is missing on the way back")
def residual_blocks(rng):
    class Block:
        def __init__(self, W1, W2):
            self.W1, self.W2 = W1, W2

        def __call__(self, x):
            self.x = x
            self.mid = relu(x @ self.W1)
            return x + self.mid @ self.W2

        def backward(self, grad):
            self.dW2 = self.mid.T @ grad
            dmid = grad @ self.W2.T
            dmid[self.mid <= 0] = 0
            self.dW1 = self.x.T @ dmid
            return dmid @ self.W1.T  # planted

    def build(Ws):
        return [Block(*pair) for pair in Ws]

    def forward(x, first, second):
        for block in build([first, second]):
            x = block(x)
        return x

    def backward(x, first, second, out, grad):
        blocks = build([first, second])
        for block in blocks:
            x = block(x)
        for block in reversed(blocks):
            grad = block.backward(grad)
        return grad, *[(block.dW1, block.dW2) for block in blocks]

    pairs = [(rng.normal(0, 0.5, (3, 5)), rng.normal(0, 0.5, (5, 3))) for _ in range(2)]
    return forward, backward, (rng.normal(size=(4, 3)), *pairs)


@family.planted(
    "wrong-sign", "1 - T on the shortcut: the gate is pulled the wrong way", also=("parameter-added", "wrong-operand")
)
def highway_layer(rng):
    def highway(x, Wh, bh, Wt, bt):
        T = sigmoid(x.dot(Wt) + bt)
        return np.tanh(x.dot(Wh) + bh) * T + x * (1 - T)

    def highway_grad(x, Wh, bh, Wt, bt, y, dy):
        T = sigmoid(x.dot(Wt) + bt)
        H = np.tanh(x.dot(Wh) + bh)
        dH = dy * T * (1 - H**2)
        dT = dy * H + dy * x  # planted
        dT *= T * (1 - T)
        dx = dH.dot(Wh.T) + dT.dot(Wt.T) + dy * (1 - T)
        return dx, x.T.dot(dH), dH.sum(axis=0), x.T.dot(dT), dT.sum(axis=0)

    inputs = (
        rng.normal(size=(5, 3)),
        rng.normal(size=(3, 3)),
        rng.normal(size=3),
        rng.normal(size=(3, 3)),
        rng.normal(size=3),
    )
    return highway, highway_grad, inputs


@family.planted(
    "broadcast-sum",
    "one of the four copies of a pixel is taken for their sum",
    also=("left-out", "only-the-last", "repeated-indices"),
)
def upsampling_decoder(rng):
    def forward(code, kernel):
        big = code.repeat(2, axis=-2).repeat(2, axis=-1)
        return np.tanh(np.einsum("nchw,ck->nkhw", big, kernel))

    def backward(code, kernel, out, g):
        big = np.kron(code, np.ones((2, 2)))
        g = g * (1 - out**2)
        dkernel = np.einsum("nchw,nkhw->ck", big, g)
        dbig = np.einsum("nkhw,ck->nchw", g, kernel)
        return dbig[..., ::2, ::2], dkernel  # planted

    return forward, backward, (rng.normal(size=(2, 2, 2, 3)), rng.normal(size=(2, 3)))


@family.planted(
    "wrong-factor", "the mask is divided by keep in the forward pass alone", also=("left-out", "dropout-scale-missing")
)
def inverted_dropout(rng):
    keep = 0.7

    class Dropout:
        def forward(self, x, mask):
            self.mask = mask
            return x * mask / keep

        def backward(self, grad):
            return grad * self.mask  # planted

    class Net:
        def __init__(self):
            self.drop = Dropout()

        def forward(self, x, W1, W2, mask):
            self.x, self.W1, self.W2 = x, W1, W2
            self.a = np.tanh(x @ W1)
            self.d = self.drop.forward(self.a, mask)
            return self.d @ W2

        def backward(self, g):
            dW2 = self.d.T @ g
            da = self.drop.backward(g @ self.W2.T) * (1 - self.a**2)
            return da @ self.W1.T, self.x.T @ da, dW2, None

    net = Net()
    mask = rng.integers(0, 2, (5, 4))
    inputs = rng.normal(size=(5, 3)), rng.normal(size=(3, 4)), rng.normal(size=(4, 2)), mask
    return net.forward, lambda x, W1, W2, mask, y, g: net.backward(g), inputs
