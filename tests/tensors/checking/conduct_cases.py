"""Functions of torch with one mistake each that does not show in the numbers of one forward and one backward pass."""

from conftest import load

torch = load("torch")

X = torch.randn(4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
W = torch.randn(3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
KEPT = {}


class Square(torch.autograd.Function):
    """Right; the classes below it change one method."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 2 * g * x


class Linear(torch.autograd.Function):
    """Right; the classes below it change one method."""

    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return x @ w

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        return g @ w.t(), x.t() @ g


class ReadsMemory(Square):
    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        values = torch.as_strided(g, x.shape, x.stride())  # upstream
        return 2 * values * x


class ViewsUpstream(Square):
    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        flat = g.view(-1)  # upstream
        return (2 * flat * x.reshape(-1)).reshape(x.shape)


class ViewsInput(Square):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return (x.view(-1) ** 2).reshape(x.shape)  # input


class ReadsInput(Square):
    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 2 * g * torch.as_strided(x, x.shape, (x.shape[1], 1))


class InPlaceUpstream(Square):
    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        g.mul_(x)  # writes
        return 2 * g


class InPlaceInput(Square):
    @staticmethod
    def forward(ctx, x):
        ctx.x = x
        return x * x

    @staticmethod
    def backward(ctx, g):
        ctx.x *= 2  # writes
        return g * ctx.x


class InPlaceForward(Square):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x.clone())
        x.mul_(x)  # writes
        return x.clone()


class InPlaceSaved(Square):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(2 * x)
        return x * x

    @staticmethod
    def backward(ctx, g):
        (slope,) = ctx.saved_tensors
        slope.mul_(g)  # writes
        return slope


class InPlaceOutput(Square):
    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.y = y.detach()
        return y

    @staticmethod
    def backward(ctx, g):
        return ctx.y.mul_(g)  # writes


class Consumed(Square):
    @staticmethod
    def forward(ctx, x):
        ctx.slopes = [2 * x]
        return x * x

    @staticmethod
    def backward(ctx, g):
        return g * ctx.slopes.pop()


class Grows(Square):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        ctx.factor = 2.0
        return x * x

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        grad = ctx.factor * g * x
        ctx.factor = ctx.factor + 1
        return grad


class OnTheClass(Square):
    last = None

    @staticmethod
    def forward(ctx, x):
        OnTheClass.last = x.detach()  # state
        return x * x

    @staticmethod
    def backward(ctx, g):
        return 2 * g * OnTheClass.last


class MaskOnTheClass(Square):
    """Inputs near the first give the same mask."""

    mask = None

    @staticmethod
    def forward(ctx, x):
        MaskOnTheClass.mask = x > 0  # state
        return torch.where(x > 0, x, 0.1 * x)

    @staticmethod
    def backward(ctx, g):
        return torch.where(MaskOnTheClass.mask, g, 0.1 * g)


class InADict(Square):
    @staticmethod
    def forward(ctx, x):
        KEPT["x"] = x.detach()  # state
        return x * x

    @staticmethod
    def backward(ctx, g):
        return 2 * g * KEPT["x"]


class ExchangedNeeds(Linear):
    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        dx = g @ w.t() if ctx.needs_input_grad[1] else None
        return dx, x.t() @ g


class NeedsBoth(Linear):
    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        dx = dw = None
        if ctx.needs_input_grad[0]:
            dx = g @ w.t()
        if ctx.needs_input_grad[1]:
            dw = x.t() @ dx @ w / (w.t() @ w).diagonal() * 0 + x.t() @ g  # uses
        return dx, dw


class TwoOutputs(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        ctx.set_materialize_grads(False)
        return x.sin(), x.cos()

    @staticmethod
    def backward(ctx, g, h):
        (x,) = ctx.saved_tensors
        return g * x.cos() - h * x.sin()  # None


class ShortTypes(Square):
    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        slope = (2 * x).float()  # short
        return g * slope


class ShortUpstream(Square):
    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return (2 * g.float()).double() * x  # short


class ShortSlope(Square):
    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * (2 * x.exp().log()).float()  # short


class ShortBuffer(Square):
    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        grad = torch.zeros(x.shape)
        grad += 2 * x * g  # short
        return grad


class Underflows(Square):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.abs() / (x.abs() + 1e-60)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        tiny = torch.tensor(1e-60, dtype=x.dtype)
        return g * x.sign() * (1 / (x.abs() + tiny) - x.abs() / (x.abs() + tiny) ** 2) * (tiny / tiny)


class NeedsFloat64(Square):
    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * x @ (2 * torch.eye(3, dtype=torch.float64))  # raises


class DropsAgain(Square):
    @staticmethod
    def forward(ctx, x):
        return x * (torch.rand_like(x) > 0.5)

    @staticmethod
    def backward(ctx, g):
        return g * (torch.rand_like(g) > 0.5)


class TooFew(Linear):
    @staticmethod
    def backward(ctx, g):
        _, w = ctx.saved_tensors
        return g @ w.t()  # returns


class OfAFlag(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, factor):
        ctx.save_for_backward(x)
        ctx.factor = factor
        return x * factor

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * ctx.factor, (g * x).sum()  # returns


class OtherShape(Linear):
    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        return g @ w.t(), g.t() @ x


class NothingForTheWeight(Linear):
    @staticmethod
    def backward(ctx, g):
        _, w = ctx.saved_tensors
        return g @ w.t(), None


WRONG = {  # (fn, inputs, the name, the comment on its line)
    "memory read at the strides of x": (ReadsMemory, (X,), "upstream-layout", None),
    "view of the upstream gradient": (ViewsUpstream, (X,), "upstream-layout", "upstream"),
    "view of the input": (ViewsInput, (X,), "input-layout", "input"),
    "memory of the input": (ReadsInput, (X,), "input-layout", None),
    "grad_output *=": (InPlaceUpstream, (X,), "grad-output-overwritten", "writes"),
    "x *= in backward": (InPlaceInput, (X,), "input-overwritten", "writes"),
    "x.mul_ in forward": (InPlaceForward, (X,), "input-overwritten-by-forward", "writes"),
    "a saved tensor": (InPlaceSaved, (X,), "saved-tensor-overwritten", "writes"),
    "the output": (InPlaceOutput, (X,), "output-overwritten", "writes"),
    "consumed state": (Consumed, (X,), "second-backward-differs", None),
    "changed state": (Grows, (X,), "second-backward-differs", None),
    "on the class": (OnTheClass, (X,), "state-outside-ctx", "state"),
    "a mask on the class": (MaskOnTheClass, (X,), "state-outside-ctx", "state"),
    "in a dict of the module": (InADict, (X,), "state-outside-ctx", "state"),
    "needs_input_grad of another input": (ExchangedNeeds, (X, W), "needs-input-grad", None),
    "a gradient that needs another": (NeedsBoth, (X, W), "needs-input-grad", "uses"),
    "an output that is not used": (TwoOutputs, (X,), "unused-output", "None"),
    "slope in float32": (ShortTypes, (X,), "float32-result", "short"),
    "slope rounded to float32": (ShortSlope, (X,), "float32-result", "short"),
    "a buffer of float32": (ShortBuffer, (X,), "float32-result", "short"),
    "upstream in float32": (ShortUpstream, (X,), "float32-result", "short"),
    "a constant too small for float32": (Underflows, (X,), "wrong-in-float32", None),
    "a constant of float64": (NeedsFloat64, (X,), "wrong-in-float32", "raises"),
    "another mask": (DropsAgain, (X,), "not-repeatable-gradient", None),
    "too few gradients": (TooFew, (X, W), "wrong-number-of-gradients", "returns"),
    "a gradient of a number": (OfAFlag, (X, 3), "gradient-of-no-tensor", "returns"),
    "another shape": (OtherShape, (X, W), "weight-gradient-transposed", None),
    "detached": (lambda x: x.detach() ** 2, (X,), "no-graph", None),
    "None": (NothingForTheWeight, (X, W.clone().requires_grad_()), "missing-gradient", None),
}
