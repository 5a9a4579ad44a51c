"""What `gutteil test` does, and CI with it: style, format, types, then the tests."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CHECKS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("style", ("ruff", "check", ".")),
    ("format", ("ruff", "format", "--check", ".")),
    ("types", ("mypy",)),
)


def run_tests(args: list[str]) -> int:
    """Run every check in sequence, each to its end even when an earlier one has failed.

    Args:
        args: passed on to pytest: files, `-k NAME`, `-x`, …

    Returns:
        0 when everything passed, else 1; 2 when the packages for tests are not installed.
    """
    missing = [name for name in ("ruff", "mypy", "pytest") if importlib.util.find_spec(name) is None]
    if missing:
        print(f"the tests need packages that are not installed ({', '.join(missing)}): ./gutteil setup training tests", file=sys.stderr)
        return 2
    failed = [name for name, command in CHECKS if _run(name, command)]
    if failed:  # said before the tests, so that pytest's own closing line stays the last one
        print(f"\nfailed before the tests: {', '.join(failed)}", flush=True)
    failed += ["tests"] if _run("tests", ("pytest", "-p", "no:cacheprovider", "--durations=15", *args)) else []
    return 1 if failed else 0


def _run(name: str, command: tuple[str, ...]) -> bool:
    """Run one check as a module of this very Python; whether it failed."""
    print(f"\n== {name}: {' '.join(command)}", flush=True)
    start = time.monotonic()
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, stdin=subprocess.DEVNULL, check=False)
    if name != "tests":
        print(f"-- {name}: {'failed' if done.returncode else 'passed'} in {time.monotonic() - start:.1f} s", flush=True)
    return done.returncode != 0
