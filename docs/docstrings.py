"""An extension of griffe that prepares the plain text of docstrings for Markdown."""

import griffe


class PlainText(griffe.Extension):
    """Renames the heading `Example:` to griffe's `Examples:`, and escapes <x, y>, which is an inner product.

    Without the escape Markdown would take <x, y> for an HTML tag.
    """

    def on_object(self, *, obj: griffe.Object, **_: object) -> None:
        """Called for every object of the package after it is read."""
        if obj.docstring is not None:
            lines = obj.docstring.value.replace("\nExample:\n", "\nExamples:\n").split("\n")
            obj.docstring.value = "\n".join(
                line if line.startswith(" ") else line.replace("<", "&lt;") for line in lines
            )
