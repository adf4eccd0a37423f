"""How fast softgrad is beside its peers, and how exact.

python -m benchmarks                      every question, one table each; saved under benchmarks/results/
python -m benchmarks cross-entropy        some of them; --list names them, --quick is a smoke test
python -m benchmarks plot                 draws what was saved, into docs/images/
python -m benchmarks accuracy             the largest errors in ulp, into docs/accuracy.md

Every provider has a process of its own, since thread pools disturb one another. They are asked in turn, one at a time,
for several rounds of one run, and a table shows medians over the rounds and their ratios. All get the same numbers. A
result is compared with float64 before its call is timed; one that is wrong is named with what is wrong, not timed.
"""
