"""The parts of `softgrad.linear_cross_entropy`. The logits x w^T + b are never stored all at once.

problem.py     the checks of the arguments, and how rows and classes are split into chunks
one_pass.py    a chunk of rows with all classes: three products and the fused kernel
two_passes.py  tiles of classes, for when too few whole rows fit: four products
results.py     the loss and the statistics of each row
gradients.py   dx, dw and db, to which each chunk is added
hessian.py     the Hessian times a vector
"""
