"""The speed and the accuracy of softgrad, compared with other libraries.

python -m benchmarks                      runs every question, prints tables and the goals, and saves the results
python -m benchmarks cross-entropy        runs some questions; --list lists them, --quick is a smoke test
python -m benchmarks --against DIR        compares this softgrad with the one in DIR, and saves nothing
python -m benchmarks goals                compares the saved results with the goals
python -m benchmarks page                 writes docs/performance.md, its plots, the goals in benchmarks/README.md and
                                          the figure in README.md and docs/index.md, from the saved results
python -m benchmarks plot                 writes only the plots
python -m benchmarks training             trains networks and softmax regressions with softgrad, scikit-learn and torch
python -m benchmarks tables               trains on six dirty tables, and writes the tables of docs/train-on-my-csv.md
python -m benchmarks stream               measures the memory of training in blocks: docs/large-tables.md
python -m benchmarks accuracy             measures the largest errors in ulp, and writes docs/accuracy.md
python -m benchmarks capabilities         asks each library what it can do, and writes the tables of docs/torch.md

A question is one operation in one dtype, at several sizes. Results are saved in benchmarks/results/.

A provider is a library that offers the operations. Every provider runs in its own process, since thread pools disturb
one another. One process works at a time. Each is timed in several rounds; the tables show medians over the rounds, and
their ratios. All providers get the same inputs. Before a call is timed, its result is compared with float64, at some
rows if it is large. A wrong result is reported, and its call is not timed.
"""
