"""The bench of viewers on a real line, short: what it reports is there. How quick anything is, a bench says and no test."""

from __future__ import annotations

import io

from rich.console import Console

from edge.bench_viewers import bench_viewers, show_viewers


def test_viewers_get_what_the_line_says() -> None:
    document = bench_viewers(viewers=3, parts=20, rounds=1, rate_hz=10, console=Console(quiet=True))
    assert min(document["parts"].values()) >= 20
    got = document["viewers_got"]
    assert got["snapshots"] >= 3 * 5
    assert got["pictures"] >= 3
    assert got["mb"] > 0
    for name in ("verdict_to_viewer_ms", "verdict_to_picture_ms", "verdict_to_idle_viewers_ms"):
        assert document[name]["p50"] > 0, name
    assert document["ratio_p50"] > 0
    assert 20 < document["dashboard"]["memory_mb"] < 500
    said = io.StringIO()
    show_viewers(document, Console(file=said, width=120))
    assert "3 viewers" in said.getvalue()
