"""A classifier for scikit-learn: networks of `softgrad.nn` with the parameters of scikit-learn's MLPClassifier.

classifier.py: the class. parameters.py: what its parameters may be. rows.py: tables, labels and weights. networks.py:
the network that the parameters describe. training.py and schedules.py: Adam and SGD. lbfgs.py and all_rows.py:
L-BFGS. progress.py: printing, and scikit-learn's callbacks.

Only this folder imports scikit-learn at its top; `softgrad` imports the folder when the class is first used.
"""

from softgrad._extras import needs

with needs("SoftmaxClassifier", "scikit-learn", extra="cli"):
    from softgrad.estimator.classifier import SoftmaxClassifier

__all__ = ["SoftmaxClassifier"]
