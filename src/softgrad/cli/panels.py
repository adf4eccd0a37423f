"""A command whose help lists its options in groups: those of each `rich_help_panel` below its name."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand


class PanelsCommand(TyperCommand):
    """A command with many options."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Writes the arguments, then each group of options."""
        panels: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                other = "Arguments" if parameter.param_type_name == "argument" else "Other"
                panels.setdefault(getattr(parameter, "rich_help_panel", None) or other, []).append(record)
        for name, records in panels.items():
            with formatter.section(name):
                formatter.write_dl(records)
