"""The docs name every command, setting, recipe key and message field, say what the code says, and their example runs."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge.bus import Publisher
from edge.config import Station
from edge.messages import STREAMS, Candidate, Defect, Heartbeat, ImageRef, Message, Timings, Verdict
from edge.recipe import Recipe
from edge.settings import Block, describe
from scripts.docs import pages, stale
from scripts.examples import EXAMPLES
from tests.edge.test_bus import free_endpoint

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"


def section(page: str, heading: str) -> str:
    """What stands under one heading."""
    text = (DOCS / page).read_text("utf-8")
    match = re.search(rf"^#+ {re.escape(heading)}$(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
    assert match, f"docs/{page} has no heading {heading!r}; run: python scripts/docs.py"
    return match[1]


def test_generated_pages_say_what_the_code_says() -> None:
    assert stale() == [], "run: python scripts/docs.py"


def test_every_generated_page_says_that_it_is_generated() -> None:
    assert all("scripts/docs.py" in text for name, text in pages().items() if name.endswith(".md"))


@pytest.mark.parametrize(("page", "kind"), [("settings.md", Station), ("recipes.md", Recipe)])
def test_every_key_is_documented_with_its_help(page: str, kind: type[Block]) -> None:
    for key, _, _, text in describe(kind):
        block, _, last = key.rpartition(".")
        row = next(
            (r for r in section(page, f"`[{block}]`" if block else "At the top of the file").splitlines() if r.startswith(f"| `{last}` |")),
            "",
        )
        assert text in row, f"{key} is missing in docs/{page}"
        assert text, f"{key} has no help"


@pytest.mark.parametrize("kind", [s.message for s in STREAMS] + [Defect, Candidate, Timings, ImageRef], ids=lambda kind: kind.__name__)
def test_every_field_of_every_message_is_documented(kind: type[msgspec.Struct]) -> None:
    own, shared = section("messages.md", kind.__name__), section("messages.md", "In every message")
    for field in kind.__struct_fields__:
        place = shared if issubclass(kind, Message) and field in Message.__struct_fields__ else own
        row = next((r for r in place.splitlines() if r.startswith(f"| `{field}` |")), "")
        assert row, f"{kind.__name__}.{field} is missing in docs/messages.md"
        assert row.split("|")[-2].strip(), f"{kind.__name__}.{field} says nothing; give it a line in the docstring or in scripts/docs.py"


def test_every_command_is_documented() -> None:
    """As the program itself lists them."""
    listed = subprocess.run(
        [sys.executable, "-m", "edge.cli", "--help"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    ).stdout
    commands = re.findall(r"^\W*\s([a-z][a-z-]+)\s{2,}\S", listed, re.MULTILINE)
    assert len(commands) > 5, listed
    for command in commands:
        assert f"gutteil {command}" in section("commands.md", command)


def test_links_inside_the_docs_lead_somewhere() -> None:
    for page in [*DOCS.glob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text("utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_example_subscriber_is_short_and_ours_is_not_needed() -> None:
    text = (DOCS / "subscriber.py").read_text("utf-8")
    assert text.count("\n") <= 40
    assert set(re.findall(r"^(?:import|from) (\w+)", text, re.MULTILINE)) == {"json", "sys", "time", "zmq"}


def test_the_example_subscriber_runs(tmp_path: Path) -> None:
    """Against the station's real publisher: a verdict, a hole, a restart, a death."""
    endpoint, log = free_endpoint(), tmp_path / "said"
    verdict = next(e for e in EXAMPLES if isinstance(e, Verdict))
    own = {f: getattr(verdict, f) for f in Verdict.__struct_fields__ if f not in Message.__struct_fields__}
    with (
        log.open("wb") as out,
        subprocess.Popen([sys.executable, "-I", "-u", str(DOCS / "subscriber.py"), endpoint], cwd=tmp_path, stdout=out) as process,
    ):
        try:
            first = Publisher(endpoint, "S1", "station", simulated=True)
            _say_until(first, log, own, "part S1-1781776800-000042: NG short 0.91 at (120, 64)")
            assert "station S1 started (SIMULATED)" in log.read_text()
            assert "MISSED" not in log.read_text()
            lost = first._counts[Verdict] + 1
            first._counts[Verdict] = lost + 2  # as if three had been lost on the way
            _say_until(first, log, own, f"MISSED verdict {lost} to {lost + 2}")
            first.close()
            _wait(log, lambda text: "STATION SILENT" in text)
            second = _again(endpoint)
            _say_until(second, log, own, "station S1 started (SIMULATED)", times=2)
            second.close()
        finally:
            process.kill()


def _wait(log: Path, done: Callable[[str], bool], then: Callable[[], Any] = lambda: None) -> None:
    end = time.monotonic() + 15
    while not done(log.read_text()):
        assert time.monotonic() < end, log.read_text()
        then()
        time.sleep(0.03)


def _say_until(sender: Publisher, log: Path, verdict: dict[str, Any], words: str, times: int = 1) -> None:
    def say() -> None:
        sender.send(Heartbeat, state="ready", period_s=0.3)
        sender.send(Verdict, **verdict)

    _wait(log, lambda text: text.count(words) >= times, say)


def _again(endpoint: str) -> Publisher:
    end = time.monotonic() + 10
    while True:
        try:
            return Publisher(endpoint, "S1", "station", simulated=True)
        except Exception:  # the first has not quite let go of the port
            assert time.monotonic() < end
            time.sleep(0.05)
