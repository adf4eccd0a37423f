"""What the short calls in C++ ask of torch: kernels/torch_tensors.hpp. The compiled module is not linked to torch."""

from __future__ import annotations

import torch
from torch.autograd import forward_ad

from softgrad.torch.implementations import PLAIN

IDLE = (  # true while something transforms, intercepts or traces calls
    torch._C._are_functorch_transforms_active,
    torch._C._len_torch_dispatch_stack,
    torch._C._len_torch_function_stack,
    torch._C._is_tracing,
)
TORCH = (
    *PLAIN,
    getattr(torch.Tensor, "__dlpack_c_exchange_api__", None),  # without it, there is no short way
    IDLE,
    forward_ad,
    torch.empty_like,
    torch.is_grad_enabled,
    torch._C._autograd._get_current_graph_task_keep_graph,
)
HUGE = 2**20  # entries from which NumPy asks the system for large pages, and torch does not
