"""Options that a person gave and that would do nothing: said, not passed over."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from edge.errors import SettingsError


def refuse_idle(command: Callable[..., Any], given: Mapping[str, Any], names: tuple[str, ...], why: str) -> None:
    """Refuse if any of these parameters of a command has another value than its default.

    Args:
        given: the command's parameters as it was called: its `locals()`.
        names: as in Python; `format_name` is shown as `--format`.
        why: what follows the options' names, e.g. `does nothing without --budget-ms`.

    Raises:
        SettingsError: names the options.
    """
    defaults = inspect.signature(command).parameters
    idle = [f"--{n.removesuffix('_name').replace('_', '-')}" for n in names if given[n] != defaults[n].default]
    if idle:
        raise SettingsError(f"{', '.join(idle)}: {why}")
