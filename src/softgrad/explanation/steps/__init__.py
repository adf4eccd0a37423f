"""The steps of an explanation, in the order of the derivation.

forward.py        logits -> probabilities -> loss, for one row
backward.py       loss -> gradient at the logits, for one row
batch.py          the remaining rows, and the mean over the batch
answer.py         the answer, which stands before the steps
layer.py          the linear layer below the logits
row_values.py     the values computed for one row
wrong_lines.py    common mistakes, from the checker's catalogue
shared.py         helpers of several steps: numbers in formulas, wrong lines, comparisons with central differences
"""
