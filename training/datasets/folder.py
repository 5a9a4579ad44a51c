"""Folders and files of a stranger: walked without following links, read up to a bound."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml import ElementTree as Xml

from edge.errors import SettingsError
from training.datasets.entry import ENDINGS, make_name
from training.datasets.found import Refused, Source
from training.datasets.picture import read_bytes

MAX_LABEL_BYTES = 10_000_000  # of the label file of one image


def image_files(folder: Path) -> Iterator[Path]:
    """Every image file below a folder, sorted, hidden ones left out; links to files are given (and refused when they lead out).

    Raises:
        SettingsError: no such folder.
    """
    yield from files_of(folder, ENDINGS)


def files_of(folder: Path, endings: tuple[str, ...]) -> Iterator[Path]:
    """As `image_files`, for files with other endings."""
    if not folder.is_dir():
        raise SettingsError(f"{folder}: no such folder; check the path")
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and name.lower().endswith(endings):
                yield Path(place, name)


def name_in(file: Path, folder: Path, source: Source) -> str:
    """The name in the set of a file below a folder. Raises ValueError as `make_name`."""
    return make_name(file.relative_to(folder).as_posix(), prefix=source.prefix)


def read_text(file: Path, root: Path) -> str:
    """A small text file below `root`. Raises ValueError: as `read_bytes`, too large, or not UTF-8."""
    data = read_bytes(file, root)
    if len(data) > MAX_LABEL_BYTES:
        raise ValueError(f"{file.name} has {len(data)} bytes; at most {MAX_LABEL_BYTES}")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{file.name} is not UTF-8") from None


def read_xml(file: Path, root: Path) -> Any:
    """The root element of a small XML file; documents with a DTD or entities are refused, whatever they hold.

    Raises:
        ValueError: as `read_text`, or no such XML.
    """
    try:
        return Xml.fromstring(read_text(file, root), forbid_dtd=True)
    except (DefusedXmlException, ParseError) as error:
        raise ValueError(f"{file.name} is not XML that is taken: {xml_words(error)}") from None


def xml_words(error: Exception) -> str:
    """What is wrong with an XML file, for people."""
    return f"it has a {type(error).__name__.removesuffix('Forbidden')}" if isinstance(error, DefusedXmlException) else str(error)


def refused(file: Path, folder: Path, error: Exception) -> Refused:
    """Names a file as seen from its folder; whatever signs a hostile name has are shown escaped."""
    name = file.relative_to(folder).as_posix() if file.is_relative_to(folder) else file.name
    return Refused(shown(name), str(error))


def shown(name: object) -> str:
    """A stranger's name, so that it can be printed."""
    found = str(name)[:200]
    return found if found.isprintable() and found else ascii(found)


def place_image(image: Path, target: Path) -> None:
    """A copy of a stored image that costs no room where the file system allows it; a file that is there stays.

    Raises:
        OSError: no room, no rights.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        return
    try:
        os.link(image, target)
    except OSError:  # another disk, or one without links
        shutil.copyfile(image, target)
