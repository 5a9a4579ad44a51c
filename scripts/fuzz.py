"""Feed a reader with damaged inputs for a while: `python scripts/fuzz.py TARGET --seconds N`.

With atheris (`pip install atheris`; libFuzzer, guided by coverage) where it is installed, else with hypothesis. An input
that raises what it must not is printed and, with atheris, left in the current folder as crash-…; put it into
tests/edge/test_fuzz.py once it is mended.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import re
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:  # run as a file, not as a module
    sys.path.insert(0, str(ROOT))

MAX_BYTES = 4096


def with_atheris(name: str, seconds: int) -> None:
    """Does not return: libFuzzer ends the process, with status 0 when nothing was found."""
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["edge", "hardware", "tomllib", "json"]):
        target = importlib.import_module("scripts.fuzz_targets").TARGETS[name]
    with tempfile.TemporaryDirectory(prefix="gutteil-corpus-") as corpus:
        for number, seed in enumerate(target.seeds):
            (Path(corpus) / str(number)).write_bytes(seed)
        words = Path(corpus) / "words"  # libFuzzer cannot look into the readers that are written in C: it is told what they know
        words.write_text("".join(f'"{word}"\n' for word in sorted(_words(target.seeds))), "ascii")
        options = [
            f"-dict={words}",
            f"-max_total_time={seconds}",
            f"-max_len={MAX_BYTES}",
            "-timeout=10",
            "-rss_limit_mb=2048",
            "-print_final_stats=1",
        ]
        atheris.Setup([sys.argv[0], corpus, *options], target.check)
        atheris.Fuzz()


def _words(seeds: tuple[bytes, ...]) -> set[str]:
    """Names, texts, numbers and signs of the good inputs, as libFuzzer's dictionaries want them."""
    found = {word for seed in seeds for word in re.findall(rb'"[^"]{1,40}"|[A-Za-z_]{2,40}|-?[0-9.]+|[\[\]{}]', seed)}
    return {"".join(f"\\x{byte:02x}" for byte in word) for word in found}


def with_hypothesis(name: str, seconds: int) -> None:
    """Returns when the time is over; raises what the reader raised, after hypothesis has made the input as small as it can."""
    from hypothesis import given, seed, settings

    from scripts.fuzz_inputs import damaged
    from scripts.fuzz_targets import TARGETS

    target = TARGETS[name]
    tried = taken = round_ = 0

    @settings(max_examples=500, database=None, deadline=None)
    @given(damaged(target.seeds))
    def one(data: bytes) -> None:
        nonlocal tried, taken
        tried += 1
        taken += target.check(data)

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        round_ += 1
        seed(round_)(one)()
    print(f"{name}: {tried} inputs, {taken} of them taken, nothing found")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("target", help="a row of TARGETS in scripts/fuzz_targets.py: message, recipe, settings, …")
    parser.add_argument("--seconds", type=int, default=60)
    asked = parser.parse_args()
    run = with_atheris if importlib.util.find_spec("atheris") else with_hypothesis
    run(asked.target, asked.seconds)


if __name__ == "__main__":
    main()
