"""A training run: the steps of `softgrad train`.

config.py: the options of a run. steps.py: the steps, in order. gradient.py: the check of the gradient. fitting.py: the
network and its training. metrics.py: what is known of the run at its end. folder.py: the files of a run, and its
folder. clock.py: how long the steps take. toml.py: the options as a file.
"""
