"""Docstrings as the site reads them: the heading `Example:` is Google's `Examples:`, a section of code."""

import griffe


class Examples(griffe.Extension):
    """Gives the section the name that griffe knows."""

    def on_object(self, *, obj: griffe.Object, **_: object) -> None:
        """Called for every object of the package, once it is read."""
        if obj.docstring is not None:
            obj.docstring.value = obj.docstring.value.replace("\nExample:\n", "\nExamples:\n")
