"""Functions that the checker knows: how each is computed forwards, and how its backward pass should run.

recipe.py: what a recipe is. chains.py: dense layers in front of the logits. heads.py: what stands behind them.
recognise.py: the recipe of a function that is known by its numbers alone.
"""

from softgrad.check.recipes.chains import Leaf
from softgrad.check.recipes.recipe import Recipe, Step, fits, matches
from softgrad.check.recipes.recognise import recognise

__all__ = ["Leaf", "Recipe", "Step", "fits", "matches", "recognise"]
