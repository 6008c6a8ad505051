"""The class of all commands: it refuses options that are given twice but take one value."""

from __future__ import annotations

from collections import Counter
from typing import Any

from typer.core import TyperCommand

from fakd_core.errors import ConfigError


class Command(TyperCommand):
    """A command whose options are given once, unless they collect values; click would keep the last one."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Raise `ConfigError` for an option that is given twice; otherwise as click."""
        if not ctx.resilient_parsing:
            *_, order = self.make_parser(ctx).parse_args(args=list(args))
            for parameter, count in Counter(order).items():
                if count > 1 and parameter.param_type_name == "option" and not parameter.multiple:
                    raise ConfigError(f"{parameter.opts[0]} is given {count} times; give it once")
        parsed: list[str] = super().parse_args(ctx, args)
        return parsed
