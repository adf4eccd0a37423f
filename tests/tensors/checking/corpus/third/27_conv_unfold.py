import torch
import torch.nn.functional as F


class Conv2dUnfold(torch.autograd.Function):
    """im2col convolution, written for the assignment. x: N,C,H,W   w: O,C,k,k   b: O"""

    @staticmethod
    def forward(ctx, x, w, b, stride, padding):
        N, C, H, W = x.shape
        O, _, kh, kw = w.shape
        cols = F.unfold(x, (kh, kw), stride=stride, padding=padding)      # N, C*kh*kw, P
        out = w.reshape(O, -1) @ cols + b[:, None]
        H_out = (H + 2 * padding - kh) // stride + 1
        W_out = (W + 2 * padding - kw) // stride + 1
        ctx.save_for_backward(cols, w)
        ctx.conf = (H, W, stride, padding)
        return out.reshape(N, O, H_out, W_out)

    @staticmethod
    def backward(ctx, dout):
        cols, w = ctx.saved_tensors
        H, W, stride, padding = ctx.conf
        O, C, kh, kw = w.shape
        d = dout.reshape(dout.shape[0], O, -1)
        db = d.sum((0, 2))
        dw = torch.einsum("nkp,nop->ko", cols, d).reshape(O, C, kh, kw)
        dcols = w.reshape(O, -1).t() @ d
        dx = F.fold(dcols, (H, W), (kh, kw), stride=stride, padding=padding)
        return dx, dw, db, None, None


def case():
    torch.manual_seed(27)
    d = torch.float64
    return Conv2dUnfold, (torch.randn(2, 2, 5, 4, dtype=d), torch.randn(3, 2, 3, 3, dtype=d), torch.randn(3, dtype=d), 1, 1)


CAUSE = "The weight gradient comes out as (C*kh*kw, O) and is reshaped to (O, C, kh, kw) without a transpose, so the entries land in the wrong places."
LINE = 'dw = torch.einsum("nkp,nop->ko", cols, d).reshape(O, C, kh, kw)'
SHOWS = "always"
