"""Docstrings, which are plain text, as Markdown and griffe read them."""

import griffe


class PlainText(griffe.Extension):
    """The heading `Example:` is Google's `Examples:`, and <x, y> is an inner product, no tag of HTML."""

    def on_object(self, *, obj: griffe.Object, **_: object) -> None:
        """Called for every object of the package, once it is read."""
        if obj.docstring is not None:
            lines = obj.docstring.value.replace("\nExample:\n", "\nExamples:\n").split("\n")
            obj.docstring.value = "\n".join(
                line if line.startswith(" ") else line.replace("<", "&lt;") for line in lines
            )
