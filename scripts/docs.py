"""Write the generated pages of docs/ from the code: messages, settings, recipes, commands.

`python scripts/docs.py` writes them; with `--check` it says which differ from the code, and fails if any does.
"""

from __future__ import annotations

import argparse
import importlib
import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:  # run as a file, not as a module
    sys.path.insert(0, str(ROOT))

from edge.config import Station  # noqa: E402
from edge.messages import STREAMS, Candidate, Defect, ImageRef, Message, Timings, encode, json_schema  # noqa: E402
from edge.recipe import Recipe  # noqa: E402
from edge.settings import Block, describe  # noqa: E402
from scripts.api_docs import api_md  # noqa: E402
from scripts.examples import EXAMPLES  # noqa: E402
from scripts.signal_docs import signals_csv, signals_md  # noqa: E402

NOTE = "<!-- made by scripts/docs.py from the code; change that, then run it again -->\n\n"
# what a field means wherever it stands; a docstring's own word goes before it
COMMON = {
    "v": "version of this format",
    "station": "name of the station",
    "run_id": "one stretch of production under one recipe version",
    "product": "type of the parts",
    "recipe": "name of the recipe",
    "recipe_hash": "SHA-256 of the recipe's text: its version",
    "model": "file name of the model",
    "model_hash": "SHA-256 of the model file",
    "classes": "the classes of defect that the model knows",
    "camera": "what the camera says about itself",
    "provider": "what the model runs on",
    "ejector": "where the ejector is and how it is fired",
    "part_id": "one physical part, unique in the plant",
    "trigger_id": "count of trigger edges since the line started; a hole is a part that nobody saw",
    "trigger_ns": "CLOCK_MONOTONIC at the trigger edge",
    "trigger_wall_ns": "UTC at the trigger edge, ns since 1970",
    "encoder": "belt position in counts, null without encoder",
    "verdict": "the judgement",
    "defects": "what the recipe accepted",
    "timings": "where the time went",
    "source": "where the image came from: a file, a device, `simulated:SEED`",
    "image": "where the image lies, null when it is not kept in the ring",
    "reference": "the same for the reference image",
    "state": "what the sender is doing",
    "code": "name of the alarm",
    "severity": "how bad it is; a `fault` stops good parts from passing",
    "active": "false: it is over",
    "text": "what has happened, for people",
    "kind": "class of the defect",
    "score": "how sure the model is, 0 to 1",
    "slot": "number of the slot",
    "capture_us": "trigger to frame in hand, µs",
    "prepare_us": "image to model input, µs",
    "infer_us": "the model, µs",
    "decode_us": "model output to predictions, µs",
    "decide_us": "predictions to verdict, µs",
    "total_us": "trigger to send, µs",
}


def attributes(kind: type) -> dict[str, str]:
    """The `Attributes:` of a class's docstring and of its bases, as name → help."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        section = (base.__doc__ or "").partition("Attributes:\n")[2]
        for name, text in re.findall(r"^ {8}(\w+): (.*(?:\n {12,}.*)*)", section, re.MULTILINE):
            found[name] = re.sub(r"\s+", " ", text).strip().rstrip(".")
    return found


def summary(thing: Any) -> str:
    """The first paragraph of a docstring."""
    return re.sub(r"\s+", " ", (thing.__doc__ or "").partition("\n\n")[0]).strip()


def type_in_words(schema: dict[str, Any]) -> str:
    """A JSON Schema type for people: `integer ≥ 0`, `OK, NG or UNDECIDED`, `array of Defect`."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in schema:
        words = sorted(schema["enum"], key=str)
        return " · ".join(f"`{json.dumps(w)}`" for w in words)
    if "anyOf" in schema:
        return " or ".join(type_in_words(s) for s in schema["anyOf"])
    kind = str(schema.get("type", "any"))
    if kind == "array":
        fixed = schema.get("prefixItems") or []
        inner = fixed[0] if fixed else schema.get("items") or {}
        return f"array of {len(fixed) or ''} {type_in_words(inner)}".replace("  ", " ")
    if kind == "object":
        return f"object of {type_in_words(schema['additionalProperties'])}" if schema.get("additionalProperties") else "object"
    bounds = [f"{sign} {schema[key]:g}" for sign, key in (("≥", "minimum"), ("≤", "maximum")) if key in schema and abs(schema[key]) < 1e12]
    if "maxLength" in schema:
        bounds.append(f"of at most {schema['maxLength']} characters")
    return " ".join([kind, " and ".join(bounds)]).strip()


def fields(kind: type[msgspec.Struct], own: bool, schema: dict[str, Any]) -> list[str]:
    """The table of a struct's fields; of a message only those that not every message has."""
    helps = attributes(kind)
    shared = set(Message.__struct_fields__) if own else set()
    rows = ["| field | type | default | meaning |", "|---|---|---|---|"]
    for field in msgspec.structs.fields(kind):
        if field.name in shared:
            continue
        default = "required"
        if field.default is not msgspec.NODEFAULT:
            default = f"`{json.dumps(field.default)}`"
        elif field.default_factory is not msgspec.NODEFAULT:
            default = f"`{json.dumps(field.default_factory())}`"
        text = helps.get(field.name) or COMMON.get(field.name, "")
        rows.append(f"| `{field.name}` | {type_in_words(schema['properties'][field.encode_name])} | {default} | {text} |")
    return rows


def messages() -> str:
    """docs/messages.md."""
    defs = json_schema()["$defs"]
    lines = ["| message | topic | sender | rate |", "|---|---|---|---|"]
    for s in STREAMS:
        word = s.message.__name__
        lines.append(f"| [{word}](#{word.lower()}) | `{s.topic.decode()}` | {', '.join(s.senders)} | {s.rate} |")
    lines += ["", "## In every message", "", *fields(Message, False, defs[STREAMS[0].message.__name__]), ""]
    examples = {type(e): e for e in EXAMPLES}
    for s in STREAMS:
        pretty = json.dumps(json.loads(encode(examples[s.message])), indent=2)
        lines += [f"## {s.message.__name__}", "", summary(s.message), "", *fields(s.message, True, defs[s.message.__name__]), ""]
        lines += ["```json", pretty, "```", ""]
    lines += ["# Parts of messages", ""]
    for part in (Defect, Candidate, Timings, ImageRef):
        lines += [f"## {part.__name__}", "", summary(part), "", *fields(part, False, defs[part.__name__]), ""]
    return "\n".join(lines)


def keys(kind: type[Block]) -> str:
    """Every setting of a block in one table per section of the file."""
    sections: dict[str, list[str]] = {}
    for key, default, bounds, text in describe(kind):
        section, _, name = key.rpartition(".")
        shown = default if default == "required" else f"`{default}`"
        sections.setdefault(section, []).append(f"| `{name}` | {shown} | {bounds} | {text} |")
    lines = []
    for section, rows in sections.items():
        field = kind.model_fields.get(section.partition(".")[0])
        block = field.annotation if field is not None else kind
        lines += [f"## `[{section}]`" if section else "## At the top of the file", ""]
        text = (field.description if field is not None else "") or ""
        if not text and isinstance(block, type) and issubclass(block, Block):
            text = summary(block)
        lines += [text[:1].upper() + text[1:].rstrip(".") + ".", ""] if text and section else []
        lines += ["| key | default | bounds | meaning |", "|---|---|---|---|", *rows, ""]
    return "\n".join(lines)


def commands() -> str:
    """docs/commands.md, from the command line itself; the other rooms' commands too, whether or not the package is installed."""
    import typer.main

    app = importlib.import_module("edge.cli").app
    tree: Any = typer.main.get_command(app)
    known = dict(tree.commands)
    points = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["entry-points"]["gutteil.commands"]
    for name, place in points.items():
        if name not in known:
            module, _, attribute = place.partition(":")
            found = getattr(importlib.import_module(module), attribute)
            if not isinstance(found, typer.Typer):
                extra = typer.Typer(add_completion=False)
                extra.command(name=name)(found)
                found = extra
            known[name] = typer.main.get_command(found)
    known |= {f"{name} {sub.name}": sub for name, group in known.items() for sub in getattr(group, "commands", {}).values()}
    lines = ["| command | what it does |", "|---|---|"]
    lines += [f"| [{name}](#{name.replace(' ', '-')}) | {_line(known[name].help)} |" for name in sorted(known)]
    for name in sorted(known):
        command = known[name]
        arguments = " ".join(_usage(p) for p in command.params if p.param_type_name == "argument")
        options = [p for p in command.params if p.name != "help"]
        lines += ["", f"## {name}", "", re.sub(r"\s*\n\s*", " ", (command.help or "").strip()), ""]
        arguments += " COMMAND" if hasattr(command, "commands") else ""
        lines += ["```", " ".join(f"gutteil {name} {'[OPTIONS] ' if options else ''}{arguments}".split()), "```"]
        if options:
            lines += ["", "| argument or option | default | meaning |", "|---|---|---|"]
            lines += [_option(p) for p in options]
    return "\n".join(lines) + "\n"


def _line(text: str | None) -> str:
    return re.sub(r"\s+", " ", (text or "").strip()).partition(". ")[0]


def _usage(param: Any) -> str:
    name = str(param.metavar or param.name).upper() + ("…" if param.nargs == -1 else "")
    return name if param.required else f"[{name}]"


def _option(param: Any) -> str:
    is_argument = param.param_type_name == "argument"
    names = _usage(param) if is_argument else ", ".join([*param.opts, *param.secondary_opts])
    default = "required" if param.required else "" if callable(param.default) or param.default in (None, [], ()) else f"`{param.default}`"
    return f"| `{names}` | {default} | {(param.help or '').replace('|', '&#124;')} |"


def pages() -> dict[str, str]:
    """Every generated file of docs/ as name → text."""
    makers = {
        "messages": messages,
        "settings": lambda: keys(Station),
        "recipes": lambda: keys(Recipe),
        "commands": commands,
        "plc-signals": signals_md,
        "api": api_md,
    }
    made = {}
    for name, make in makers.items():
        intro = (ROOT / "scripts" / "intro" / f"{name}.md").read_text("utf-8")
        made[f"{name}.md"] = NOTE + intro.rstrip() + "\n\n" + make().rstrip() + "\n"
    made["plc-signals.csv"] = signals_csv()
    made["messages.schema.json"] = json.dumps(json_schema(), indent=2) + "\n"
    return made


def stale() -> list[str]:
    """The generated files that differ from the code."""
    docs = ROOT / "docs"
    return [name for name, text in pages().items() if not (docs / name).is_file() or (docs / name).read_text("utf-8") != text]


def main() -> int:
    parser = argparse.ArgumentParser(description="Write the generated pages of docs/.")
    parser.add_argument("--check", action="store_true", help="only say what differs, and fail if anything does")
    if parser.parse_args().check:
        differing = stale()
        for name in differing:
            print(f"docs/{name} is not what the code says; run: python scripts/docs.py", file=sys.stderr)
        return 1 if differing else 0
    for name, text in pages().items():
        (ROOT / "docs" / name).write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
