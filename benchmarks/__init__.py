"""How fast softgrad is beside its peers, and how exact.

python -m benchmarks                      every question, one table each, and the goals; saved in benchmarks/results/
python -m benchmarks cross-entropy        some of them; --list names them, --quick is a smoke test
python -m benchmarks goals                the goals beside what was saved
python -m benchmarks page                 docs/performance.md from what was saved, with its plots in docs/images/
python -m benchmarks plot                 the plots alone
python -m benchmarks accuracy             the largest errors in ulp, into docs/accuracy.md

Every provider has a process of its own, since thread pools disturb one another. They are asked one at a time, for
several rounds of one run, and a table shows medians over the rounds and their ratios. All get the same numbers. Results
are compared with float64 before a call is timed, at some of their rows if they are large; one that is wrong is named
with what is wrong, not timed.
"""
