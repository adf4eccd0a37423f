"""Functions that the checker knows: how each is computed forwards, and how its backward pass should run.

recipe.py: what a recipe is. chains.py: dense layers in front of the logits. activations.py, losses.py: what may stand
behind them. target.py: which array may be the target. built.py: both put together, and held against the output.
recognise.py: the search.
"""

from softgrad.check.recipes.chains import Leaf
from softgrad.check.recipes.recipe import Recipe, Step, matches
from softgrad.check.recipes.recognise import recognise

__all__ = ["Leaf", "Recipe", "Step", "matches", "recognise"]
