"""What `softgrad.linear_cross_entropy` is made of: logits x w^T + b that are never all there at once.

problem.py     the arguments, checked, and how rows and classes are taken some at a time
one_pass.py    some rows with all of their classes: three products and the fused kernel
two_passes.py  where too few whole rows would fit: tiles of classes, and a fourth product
results.py     the loss and the statistics of each row
gradients.py   dx, dw and db as they grow
hessian.py     the Hessian times a vector
"""
