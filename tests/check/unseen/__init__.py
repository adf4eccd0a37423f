"""Backward passes that somebody wrote who had seen neither the checker nor its other cases: 30 wrong, 12 right.

    cd tests && python -m check.unseen          a table: what each checker detects; the line and the name of each case

No rule of the checker was made with them. The files are as they were written. The names in the table are those that the
checker gave and that we, who wrote it, read as true of the cause: the authors of the cases named no slugs.
"""

from importlib import import_module
from typing import NamedTuple


class Unseen(NamedTuple):
    """A case: what was done wrong, the line to change, and the names that are true of it; "" for a right one."""

    id: str
    kind: str  # "vjp" or "grad"
    cause: str
    line: str
    names: tuple[str, ...]

    @property
    def is_wrong(self):
        return bool(self.line)

    def make(self):
        """The two functions, the inputs and the options."""
        first = (int(self.id[2:]) - 1) // 7 * 7 + 1
        module = import_module(f"check.unseen.cases_{first:02d}_{first + 6:02d}")
        return getattr(module, f"make_{self.id.replace('-', '')}")(), module


CASES = [
    Unseen(
        "q-01",
        "grad",
        "embedding gradient is assigned (=) instead of accumulated (+=), so repeated tokens keep only one occurrence",
        "grads['E'][tokens[t]] = p['Wx'] @ dz",
        ("only-the-last",),
    ),
    Unseen(
        "q-02",
        "vjp",
        "the contribution of the output-gate peephole (dao * po) to the cell gradient is forgotten",
        "dc = dc_next + dh * o * (1 - tc ** 2)",
        ("left-out",),
    ),
    Unseen(
        "q-03",
        "grad",
        "the gradient of the forget gate lacks the path through the gated state f * h in the candidate (dfh * h_prev)",
        "df = dh * (hh - h_prev)",
        ("left-out",),
    ),
    Unseen(
        "q-04",
        "vjp",
        "the time shift of the width-2 convolution is transposed the wrong way: dX[t] should take dZ[t+1], not dZ[t-1]",
        "dX[1:] += dZ[:-1] @ Wz[0].T + dF[:-1] @ Wf[0].T",
        (),
    ),
    Unseen(
        "q-05",
        "vjp",
        "the input gradient is scattered at i, j instead of i*stride, j*stride",
        "dxp[n, :, i:i + HH, j:j + WW] += dout[n, f, i, j] * w[f]",
        (),
    ),
    Unseen(
        "q-06",
        "vjp",
        "the derivative of the square lacks its factor 2",
        "dxmu2 = xmu * dsq",
        ("norm-variance-term-factor",),
    ),
    Unseen(
        "q-07",
        "vjp",
        "the second mean of layer norm's backward uses dout instead of dxhat = dout * gamma",
        "- xhat * (dout * xhat).mean(axis=-1, keepdims=True))",
        ("skipped",),
    ),
    Unseen(
        "q-08",
        "vjp",
        "wrong order in merging the heads of the transposed keys: (B,nh,dk,T) must become (B,T,nh,dk), not (B,T,dk,nh)",
        "dkk = dkT.transpose(0, 3, 2, 1).reshape(B, T, D)",
        ("memory-order",),
    ),
    Unseen(
        "q-09",
        "vjp",
        "the relative position index is j - i in the backward pass but i - j in the forward pass",
        "gbias[j - i + T - 1] += gs[i, j]",
        ("wrong-iteration",),
    ),
    Unseen(
        "q-10",
        "grad",
        "the gradient of the penalty includes the bias theta[0], which the cost does not penalise",
        "grad = grad + (lam / m) * theta",
        ("parameter-added",),
    ),
    Unseen(
        "q-11",
        "grad",
        "the gaps need a reversed cumulative sum of the threshold gradients, not a forward one",
        "'log_gap': np.exp(p['log_gap']) * np.cumsum(db[1:]),",
        ("broadcast-sum",),
    ),
    Unseen(
        "q-12",
        "grad",
        "the gradient uses the hard one-hot targets although the loss uses smoothed ones",
        "dz = (np.exp(self.logp) - onehot) / N",
        ("smoothing-ignored",),
    ),
    Unseen(
        "q-13",
        "grad",
        "the factor 1/T from differentiating softmax(z/T) is forgotten: T**2 should be T",
        "dz = (alpha * d_hard + (1 - alpha) * T ** 2 * d_soft) / n",
        ("left-out",),
    ),
    Unseen(
        "q-14",
        "grad",
        "fancy-index += counts a repeated negative sample once only; np.add.at is needed",
        "grad_out[neg] += negs[:, None] * v",
        ("repeated-indices",),
    ),
    Unseen(
        "q-15",
        "grad",
        "the gradient of the context vectors lacks the transpose of the weighted residual",
        "'C': wd @ p['W'],",
        ("transposed-product",),
    ),
    Unseen(
        "q-16",
        "grad",
        "the correct class's coefficient is -1 instead of minus the number of violated margins",
        "binary[np.arange(num_train), y] = -1",
        (),
    ),
    Unseen(
        "q-17",
        "grad",
        "sigmoid' is evaluated at the activation a3 instead of the pre-activation z3",
        "delta3 = -(data - a3) * sae_sigmoid_prime(a3)",
        ("derivative-at-output",),
    ),
    Unseen(
        "q-18",
        "grad",
        "the derivative of the log link, dmu/deta = mu, is forgotten",
        "return X.T @ dmu / len(y)",
        ("skipped",),
    ),
    Unseen(
        "q-19",
        "grad",
        "in the derivative with respect to phi the digamma terms lack their inner derivatives mu and 1 - mu",
        "dphi = np.sum(digamma(phi) - digamma(mu * phi) - digamma((1 - mu) * phi)",
        (),
    ),
    Unseen(
        "q-20",
        "grad",
        "d sn**2 / d log sn is 2 sn**2; the 2 is missing",
        "sn ** 2 * np.eye(len(X)),",
        ("wrong-factor",),
    ),
    Unseen(
        "q-21",
        "grad",
        "wrong sign of the centres' gradient (diff is x - c)",
        "gc = -np.einsum('nk,nkd->kd', gphi, self.diff) / self.s[:, None] ** 2",
        ("wrong-sign",),
    ),
    Unseen(
        "q-22",
        "grad",
        "Lam occurs twice in Lam Lam^T, so the gradient is 2 G Lam; the 2 is missing",
        "dLam = G @ p['Lam']",
        ("left-out",),
    ),
    Unseen(
        "q-23",
        "vjp",
        "the gradient of the scale is summed over the capsules (axis 0) instead of over each capsule's components",
        "dscale = np.sum(dv * s, axis=0, keepdims=True)",
        (),
    ),
    Unseen(
        "q-24",
        "grad",
        "only the diagonal of the softmax Jacobian is used for the gate",
        "dlogits = dgate * gate * (1 - gate)",
        ("diagonal-only",),
    ),
    Unseen(
        "q-25",
        "grad",
        "the shared first-layer weights get the gradient of the first branch only",
        "dW1 = x1.T @ dz1",
        ("left-out",),
    ),
    Unseen(
        "q-26",
        "grad",
        "the standard deviation is treated as a constant in the backward pass of the standardisation",
        "return (dzn - dzn.mean(axis=0)) / std",
        ("left-out",),
    ),
    Unseen(
        "q-27",
        "grad",
        "k4 is evaluated at y + h*k3, so dk3 takes h*dy4, not h/2*dy4",
        "dk3 = h / 3 * lam + h / 2 * dy4",
        ("wrong-factor",),
    ),
    Unseen(
        "q-28",
        "grad",
        "the filters' gradient is divided by N a second time",
        "g['Wc'] = np.einsum('nlc,nlf->cf', cols, dconv) / N",
        ("wrong-factor",),
    ),
    Unseen(
        "q-29",
        "vjp",
        "the projection term of weight normalisation needs the squared norm: g*dg/norm**2",
        "dv = (g / norm)[:, None] * dW - (g * dg / norm)[:, None] * v",
        ("wrong-factor",),
    ),
    Unseen(
        "q-30",
        "grad",
        "the 1/keep scale of inverted dropout is forgotten in the backward pass",
        "da1 = dd1 * mask",
        ("wrong-factor",),
    ),
    Unseen(
        "q-31", "grad", "none: HMM gradient from expected counts of forward-backward, softmax parametrisation", "", ()
    ),
    Unseen("q-32", "vjp", "none: SwiGLU with swish' = swish + sigmoid * (1 - swish)", "", ()),
    Unseen("q-33", "grad", "none: LQR policy gradient by cost-to-go matrices instead of a reverse pass", "", ()),
    Unseen("q-34", "grad", "none: PageRank by the implicit function theorem", "", ()),
    Unseen("q-35", "vjp", "none: batch norm in closed form", "", ()),
    Unseen(
        "q-36",
        "vjp",
        "none: depthwise convolution: input gradient by the forward function with the kernel flipped",
        "",
        (),
    ),
    Unseen("q-37", "grad", "none: tied embeddings, both uses accumulated, probabilities changed in place", "", ()),
    Unseen("q-38", "grad", "none: kernel ridge validation loss by an adjoint solve", "", ()),
    Unseen("q-39", "vjp", "none: spectral normalisation, d sigma / dW = u v^T", "", ()),
    Unseen("q-40", "grad", "none: batch-hard triplet, mined indices constant", "", ()),
    Unseen(
        "q-41", "grad", "none: variable projection: the inner solution is not differentiated (envelope theorem)", "", ()
    ),
    Unseen("q-42", "grad", "none: log-cosh with group lasso, packed theta", "", ()),
]
