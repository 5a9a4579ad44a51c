"""`gutteil profile`: measure the candidates of a race on the device that will run one of them."""

from __future__ import annotations

from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from edge.labelled import read_coco, read_image
from training.latency import candidate_files, check_provider, measure, write_profile

SHOWN_IMAGES = 16


def make_profile(
    candidates: Path, out: Path, *, on: str, threads: int, rounds: int, data: Path | None, as_json: bool, console: Console
) -> None:
    """Measure and write the file.

    Raises:
        SettingsError: no candidates, a provider that is not there, or images that do not fit.
        ModelError: a candidate is damaged.
    """
    files = candidate_files(candidates)
    check_provider(on, files[0], threads)
    images = []
    if data is not None:
        entries = read_coco(data).images
        for entry in entries[:: max(1, len(entries) // SHOWN_IMAGES)][:SHOWN_IMAGES]:
            images.append((read_image(entry.file), read_image(entry.reference, gray=True) if entry.reference is not None else None))
    profile = measure(files, images, on, threads, rounds, console)
    write_profile(profile, out)
    if as_json:
        print(msgspec.json.encode(profile).decode())
        return
    table = Table(title=f"{profile.device}, {profile.provider}, {profile.threads or 'all'} threads → {out}")
    for column in ("candidate", "p50 ms", "p99 ms", "runs"):
        table.add_column(column, justify="left" if column == "candidate" else "right")
    for name, row in profile.candidates.items():
        table.add_row(name, f"{row.p50_ms:.2f}", f"{row.p99_ms:.2f}", str(row.runs))
    Console().print(table)
