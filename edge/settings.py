"""Shared by the station's settings and the recipes: typed blocks read from TOML, with errors a person can act on."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from edge.errors import SettingsError

MAX_FILE_BYTES = 1_000_000
T = TypeVar("T", bound="Block")


class Block(BaseModel):
    """A block of settings: unknown keys are errors, every field has a default, bounds and help."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=True)


def read_toml(path: Path, kind: type[T]) -> T:
    """A TOML file as a block of settings.

    Raises:
        SettingsError: missing, unreadable, not TOML, an unknown key or an impossible value; names each of them.
    """
    return parse_toml(read_bytes(path), kind, str(path))


def read_bytes(path: Path) -> bytes:
    """A settings file, once: what is hashed is what is parsed.

    Raises:
        SettingsError: missing, unreadable or far too large.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    if len(data) > MAX_FILE_BYTES:
        raise SettingsError(f"{path}: larger than {MAX_FILE_BYTES} bytes; that is no settings file")
    return data


def parse_toml(data: bytes, kind: type[T], origin: str) -> T:
    """As `read_toml`, for what has been read; `origin` names it in errors."""
    try:
        found = tomllib.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # also damaged UTF-8, and a number of more digits than Python reads
        raise SettingsError(f"{origin}: not valid TOML: {error}") from error
    return check(found, kind, origin)


def check(data: dict[str, Any], kind: type[T], origin: str) -> T:
    """Raw values as a block of settings.

    Raises:
        SettingsError: as `read_toml`.
    """
    try:
        # TOML has no tuples and pydantic's strict mode takes no list for one: JSON mode allows exactly that
        return kind.model_validate(data, strict=False)
    except ValidationError as error:
        lines = [_in_words(e, kind) for e in error.errors()[:20]]
        raise SettingsError(f"{origin}:\n  " + "\n  ".join(lines)) from error


def problems(data: dict[str, Any], kind: type[T]) -> tuple[T | None, dict[tuple[str | int, ...], str]]:
    """Raw values as a block of settings, or what is wrong, by the place that it is wrong at: for forms, which show it there."""
    try:
        return kind.model_validate(data, strict=False), {}
    except ValidationError as error:
        return None, {e["loc"]: _in_words(e, kind) for e in error.errors()[:20]}


def _in_words(error: Any, kind: type[Block]) -> str:
    if not error["loc"] and error["type"] == "value_error":  # a rule between several keys, which names them itself
        return str(error["msg"]).removeprefix("Value error, ")
    key = ".".join(str(p) for p in error["loc"]) or "(whole file)"
    if error["type"] == "value_error" and isinstance(error["input"], dict):  # the same within a block
        return f"{key}: {str(error['msg']).removeprefix('Value error, ')}"
    field = field_at(kind, error["loc"])
    hint = f" ({field.description})" if field is not None and field.description else ""
    if error["type"] == "extra_forbidden":
        known = ", ".join(keys_at(kind, error["loc"][:-1]))
        return f"{key} = {_short(error['input'])}: unknown key; remove it or use one of: {known}"
    if error["type"] == "missing":
        return f"{key}: is missing; add it{hint}"
    return f"{key} = {_short(error['input'])}: {error['msg'][:1].lower()}{error['msg'][1:]}; change it{hint}"


def under(base: Path, name: str) -> Path:
    """A path from a settings file, absolute against the file's folder.

    Raises:
        SettingsError: no path can be called that.
    """
    try:
        return (base / name).resolve()
    except ValueError as error:  # a NUL
        raise SettingsError(f"{base}: {_short(name)} is no path: {error}; change it") from error


def _short(value: Any) -> str:
    try:
        text = repr(value)
    except ValueError:  # a number in hex may have more digits than Python writes in decimal
        return "a number too long to be shown"
    return text if len(text) <= 80 else text[:77] + "..."


def _block_of(kind: Any) -> type[Block] | None:
    if isinstance(kind, type) and issubclass(kind, Block):
        return kind
    for part in getattr(kind, "__args__", ()):
        if (found := _block_of(part)) is not None:
            return found
    return None


def keys_at(kind: type[Block], path: tuple[Any, ...]) -> list[str]:
    """The keys that may stand at a place of a settings file."""
    block: type[Block] | None = kind
    for step in path:
        if block is not None and step in block.model_fields:
            block = _block_of(block.model_fields[step].annotation)
    return list(block.model_fields) if block is not None else []


def field_at(kind: type[Block], path: tuple[Any, ...]) -> FieldInfo | None:
    """The field that a place of a settings file stands for."""
    block: type[Block] | None = kind
    field: FieldInfo | None = None
    for step in path:
        if block is not None and step in block.model_fields:
            field = block.model_fields[step]
            block = _block_of(field.annotation)
    return field


def describe(kind: type[Block], prefix: str = "") -> list[tuple[str, str, str, str]]:
    """Every setting as (key, default, bounds, help), for the docs and the forms."""
    rows = []
    for name, field in kind.model_fields.items():
        inner = _block_of(field.annotation)
        if inner is not None:
            mapped = "dict[" in str(field.annotation)
            rows += describe(inner, f"{prefix}{name}.NAME." if mapped else f"{prefix}{name}.")
            continue
        bounds = []
        for meta in field.metadata:
            for sign, attribute in (("≥", "ge"), (">", "gt"), ("≤", "le"), ("<", "lt")):
                value = getattr(meta, attribute, None)
                if value is not None:
                    bounds.append(f"{sign} {value}")
        choices = getattr(field.annotation, "__args__", ())
        if choices and all(isinstance(c, str) for c in choices):
            bounds.append(" · ".join(str(c) for c in choices))
        default = "required" if field.is_required() else repr(field.get_default(call_default_factory=True))
        rows.append((prefix + name, default, " and ".join(bounds), field.description or ""))
    return rows
