"""Which version of a recipe is active: one small file per recipe, `recipes/active-NAME.json` in the record's folder.

The file holds the version's whole text and is replaced in one step, sealed by a hash: so what is read is one released version
or an error, never half of one. Where it is there it takes the place of the file that the settings name, in whose folder the
paths inside the text still begin. The station reads it when it loads the recipe, and watches it.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from edge.config import Station
from edge.errors import SettingsError
from edge.places import file_name
from edge.recipe import LoadedRecipe, load_recipe, parse_recipe
from edge.settings import MAX_FILE_BYTES
from edge.whole import write_whole

FOLDER = "recipes"
Sha = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]


class Active(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The content of the file.

    Attributes:
        recipe: the recipe's name.
        number: of the version, as people count them.
        sha256: of the text: what every verdict says as `recipe_hash`.
        hash: SHA-256 of all that with an empty hash.
    """

    v: Literal[1] = 1
    recipe: Annotated[str, Meta(min_length=1, max_length=255)]
    number: Annotated[int, Meta(ge=1)]
    sha256: Sha
    text: Annotated[str, Meta(max_length=MAX_FILE_BYTES)]
    hash: Annotated[str, Meta(max_length=64)] = ""


def active_file(folder: Path, name: str) -> Path:
    """`folder` is the record's."""
    return folder / FOLDER / f"active-{file_name(name)}.json"


def write_active(folder: Path, active: Active) -> None:
    """Replace the file in one step.

    Raises:
        OSError: no room, no rights.
    """
    path = active_file(folder, active.recipe)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, msgspec.json.encode(msgspec.structs.replace(active, hash=_hash(active))))


def read_active(folder: Path, name: str) -> Active | None:
    """The active version of a recipe, looked at with suspicion; None where none was ever activated.

    Raises:
        SettingsError: the file is damaged, or of another recipe.
    """
    path = active_file(folder, name)
    remedy = f"write it anew as the record says: gutteil recipes point {name}; or go back: gutteil recipes rollback {name}"
    try:
        with path.open("rb") as opened:
            data = opened.read(3 * MAX_FILE_BYTES)
        found = msgspec.json.decode(data, type=Active)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror}); {remedy}") from error
    except (msgspec.MsgspecError, ValueError, RecursionError):
        found = None
    if found is None or found.hash != _hash(found) or hashlib.sha256(found.text.encode()).hexdigest() != found.sha256:
        raise SettingsError(f"{path}: is damaged, or was altered by hand; {remedy}")
    if found.recipe != name:
        raise SettingsError(f"{path}: is of the recipe {found.recipe!r}, not of {name!r}; {remedy}")
    return found


def load_active(config: Station, file: str) -> LoadedRecipe:
    """A recipe of the settings as it is to judge: its active version, or the file itself where none was ever activated.

    Raises:
        SettingsError: as `load_recipe` and `read_active`; or two recipes of the settings have one name, and a version of it is active.
    """
    active = read_active(Path(config.record.folder), Path(file).stem)
    if active is None:
        return load_recipe(Path(file))
    recipe_files(config)
    return parse_recipe(active.text.encode(), Path(file))


def recipe_files(config: Station) -> dict[str, Path]:
    """The recipes of the settings by name, the one it starts with first.

    Raises:
        SettingsError: two files have one name, so their versions could not be told apart.
    """
    found: dict[str, Path] = {}
    for file in (config.recipe, *config.recipes.values()):
        path = Path(file)
        if found.setdefault(path.stem, path).resolve() != path.resolve():
            raise SettingsError(
                f"recipes: {found[path.stem]} and {path} are both called {path.stem!r}; rename one, so that versions have a name"
            )
    return found


def all_active(config: Station) -> Iterator[LoadedRecipe]:
    """Every recipe of the settings as `load_active` has it; one that cannot be read is left to those who load it."""
    for file in dict.fromkeys((config.recipe, *config.recipes.values())):
        with contextlib.suppress(SettingsError):
            yield load_active(config, file)


def _hash(active: Active) -> str:
    return hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(active, hash=""), order="sorted")).hexdigest()
