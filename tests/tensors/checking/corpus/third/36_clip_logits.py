import torch


class ClipLogits(torch.autograd.Function):
    """logits = exp(log_scale) * img @ txt.T for image/text features that are already unit norm"""

    @staticmethod
    def forward(ctx, img, txt, log_scale):
        scale = log_scale.exp()
        sim = img @ txt.T
        ctx.save_for_backward(img, txt, scale, sim)
        return scale * sim

    @staticmethod
    def backward(ctx, dlogits):
        img, txt, scale, sim = ctx.saved_tensors
        d_img = scale * dlogits @ txt
        d_txt = scale * dlogits.T @ img
        d_log_scale = (dlogits * sim).sum()
        return d_img, d_txt, d_log_scale


def case():
    torch.manual_seed(36)
    unit = lambda n: torch.nn.functional.normalize(torch.randn(n, 3, dtype=torch.float64), dim=1)
    return ClipLogits, (unit(4), unit(4), torch.tensor(1.2, dtype=torch.float64))


CAUSE = "The gradient is that of the scale, not of its logarithm: the factor exp(log_scale) is missing."
LINE = "d_log_scale = (dlogits * sim).sum()"
SHOWS = "always"
