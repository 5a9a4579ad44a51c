"""The reports as one HTML file each: pictures and plots inside, no script, nothing loaded from anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from edge.errors import SettingsError
from training.evaluate import Evaluation
from training.pictures import worst
from training.svg import cost_chart, score_chart
from training.words import Language, Words

PICTURES = 6


def write_page(path: Path, html: str) -> None:
    """Write a report.

    Raises:
        SettingsError: the place cannot be written to.
    """
    try:
        path.write_text(html, "utf-8")
    except OSError as error:
        raise SettingsError(f"--html {path}: cannot be written ({error.strerror}); name another place") from error


def evaluation_page(evaluations: Sequence[Evaluation], language: Language) -> str:
    """The report of one model on one or more sets."""
    words = Words(language)
    return _page("evaluation.html", words, sets=[_set(e, words) for e in evaluations])


def _set(evaluation: Evaluation, words: Words) -> dict[str, Any]:
    judge, margins = evaluation.judge, evaluation.margins
    rules = [judge.recipe.rule(name) for name in judge.classes]
    limits = sorted({(r.undecided_score, "undecided") for r in rules} | {(r.ng_score, "ng") for r in rules})
    chart_words = (words("scores"), words("score"), words("up_ok"), words("down_ng"))
    pictures = {
        key: worst(evaluation.judged, margins, judge.classes, bad=bad, most=max(PICTURES, min(2 * PICTURES, wrong)))
        for key, bad, wrong in (
            ("worst_ng", True, len(evaluation.document["escaped"])),
            ("worst_ok", False, len(evaluation.document["overkilled"])),
        )
    }
    return {
        "d": evaluation.document,
        "scores": score_chart(margins.top[margins.bad], margins.top[~margins.bad], limits, chart_words),
        "pictures": pictures,
    }


def thresholds_page(document: dict[str, Any], language: Language) -> str:
    """The report of recommended scores."""
    words = Words(language)
    costs, band = document["curve"], document["for_all"]
    lines = [(costs[key], key, words(word)) for key, word in (("escapes", "passed"), ("overkill", "false_rejects"), ("total", "total"))]
    chart = cost_chart(costs["score"], lines, (band["undecided_score"], band["ng_score"]), words("curve"), words("score"))
    return _page(
        "thresholds.html",
        words,
        d=document,
        chart=chart,
        short=in_short(document, words),
        rests=rests_on(document, words),
        warnings=warnings(document, words),
    )


def in_short(document: dict[str, Any], words: Words) -> str:
    """What a plant manager wants to know, in one sentence; by the test set where there is one."""
    business = document["business"]
    shift = (document["test"] or document["val"])["recommended"]["shift"]
    parts = business["parts_per_hour"] * business["shift_hours"]
    values = {
        "hours": words.amount(business["shift_hours"]),
        "parts": words.number(parts),
        "bad": words.amount(parts * business["defect_share"]),
    }
    for key, name in (("escapes", "escapes"), ("false_rejects", "rejects"), ("reviews", "reviews")):
        values |= {f"{name}{end}": words.amount(shift[key][of]) for end, of in (("", "value"), ("_low", "low"), ("_high", "high"))}
    return words("in_short", **values)


def rests_on(document: dict[str, Any], words: Words) -> str:
    """On how many parts of which set `in_short` rests."""
    figures = document["test"] or document["val"]
    counts = figures["recommended"]["counts"]
    bad, good = words.number(counts["bad"]), words.number(counts["good"])
    return words("rests", bad=bad, good=good, data=words.place(figures["data"]), val=words.place(document["val"]["data"]))


def warnings(document: dict[str, Any], words: Words) -> list[str]:
    """What to mind, in words."""

    def shown(key: str, value: Any) -> Any:
        if key == "rate":
            return words.percent(value)
        if key == "what":
            return words(value)
        if key == "p":
            return words.chance(value)
        return words.amount(value) if isinstance(value, float) else value

    return [words(w["key"], **{k: shown(k, v) for k, v in w["values"].items()}) for w in document["warnings"]]


def _page(template: str, words: Words, **values: Any) -> str:
    """Fill a template; everything that is not ours is escaped."""
    folder = Path(__file__).parent / "pages"
    pages = Environment(loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    style = Markup((folder / "report.css").read_text("utf-8"))
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M")
    return pages.get_template(template).render(t=words, style=style, made=made, **values)
