"""softgrad.torch.check: the gradient checker of softgrad on backward passes in torch.

    api.py         check: start here
    subject.py     what is checked: an autograd.Function, an operator, a pair of functions, a module, a function
    inputs.py      the tensors among the inputs, as arrays, and back
    functions.py   forward and backward as functions of arrays, which the checker of softgrad.check calls
    randomness.py  torch's random generators, rewound before each call
    kept.py        tensors and class attributes that the user's code holds: put back after a check
    refused.py     what torch says of gradients that it does not take, as mistakes

    conduct.py     the mistakes that show in no single call: start here. Each file below has some of the trials
    trials.py      passes on tensors of other kinds than the judge uses, compared with each other
    layouts.py     memory that is transposed, sliced, expanded: of the upstream gradient, of the inputs
    memory.py      tensors that are overwritten; watching.py sees the line
    repeated.py    second backward passes, two forward passes, gradients of some inputs and outputs alone
    precision.py   float32
    places.py      lines of the user's source
    spelling.py    lines and explanations of the catalogue in the words of torch

    bridge.py        what torch computes, as the graph of operations that softgrad.check.trace records
    tensor_memory.py the memory of tensors; tensor_replacements.py, the ways to NumPy's arrays and back
    written_order.py operands in the order in which the user wrote them
    aten.py          the table of torch's operators; its rows are in aten_*.py

The judge, the names and the lines are those of softgrad.check, which does not import torch.
"""
