"""The commands that judge a model: `gutteil evaluate` and `gutteil thresholds`. Neither needs PyTorch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console

from edge.errors import SettingsError
from training.idle import refuse_idle

ROOT = Path(__file__).resolve().parents[1]
CACHE = Path("runs/predictions")
Json = Annotated[bool, typer.Option("--json", help="print JSON on standard output and nothing else")]
Model = Annotated[Path | None, typer.Option(help="ONNX model with a card; default: the recipe's")]
RecipeFile = Annotated[Path | None, typer.Option(help="recipe (TOML); default: the shipped circuit-board recipe")]
Html = Annotated[Path | None, typer.Option(help="write a report here: one file that opens offline")]
Tongue = Annotated[Literal["en", "de"], typer.Option("--language", help="of the report and of what is printed for people")]
Kept = Annotated[Path, typer.Option("--cache", help="folder that keeps predictions, so that nothing is judged twice")]


def evaluate(
    data: Annotated[Path, typer.Option(help="COCO file; image entries carry verdict and, where known, part and reference")],
    splits: Annotated[list[Path] | None, typer.Option(help="a further set for the same report, e.g. the test set; may be repeated")] = None,
    model: Model = None,
    recipe: RecipeFile = None,
    against: Annotated[Path | None, typer.Option(help="another model, compared part by part")] = None,
    against_recipe: Annotated[Path | None, typer.Option(help="its recipe; default: the same one")] = None,
    claim: Annotated[
        float, typer.Option(help="escape rate that you want to claim: says how many NG parts it takes", min=1e-6, max=0.5)
    ] = 0.001,
    html: Html = None,
    language: Tongue = "en",
    cache: Kept = CACHE,
    without_reference: Annotated[bool, typer.Option(help="show what a model that compares is worth without its reference")] = False,
    vary: Annotated[int, typer.Option(help="seed; if not 0 every image is first moved, thresholded and made noisy anew", min=0)] = 0,
    as_json: Json = False,
) -> None:
    """How good a model is: escape and overkill of parts with 95 % bounds, mAP, the worst parts as pictures (docs/evaluation.md)."""
    from edge.inspect import recipe_for
    from edge.judge import Judge
    from training.cache import Cache
    from training.evaluate import evaluate_set, show
    from training.report import evaluation_page, write_page

    if against is None:
        refuse_idle(evaluate, locals(), ("against_recipe",), "does nothing without --against: name the other model")
    recipe = recipe or ROOT / "recipes" / "board.toml"
    judge = Judge(recipe_for(recipe, model), model_file=model)
    other = Judge(recipe_for(against_recipe or recipe, against), model_file=against) if against else None
    console = Console(stderr=True)
    with Cache(cache) as kept:
        done = [
            evaluate_set(judge, one, console, kept, without_reference=without_reference, vary_seed=vary, claimed=claim, against=other)
            for one in [data, *(splits or [])]
        ]
    for one in done:
        one.document["recipe"] = str(recipe)
    if html is not None:
        write_page(html, evaluation_page(done, language))
    if as_json:
        first, *more = (e.document for e in done)
        print_json(first | ({"splits": more} if more else {}))
    else:
        for one in done:
            show(one.document, Console())


def thresholds(
    data: Annotated[Path, typer.Option(help="COCO file to choose on: a validation set, with NG and OK parts")],
    escape_cost: Annotated[float, typer.Option(help="what one NG part that passes costs", min=0)],
    overkill_cost: Annotated[float, typer.Option(help="what one OK part that is thrown away costs", min=0)],
    parts_per_hour: Annotated[float, typer.Option(help="speed of the line", min=0)],
    defect_share: Annotated[float, typer.Option(help="expected share of NG parts on the line, e.g. 0.01", min=0, max=1)],
    review_cost: Annotated[float, typer.Option(help="what it costs when a person looks at one UNDECIDED part", min=0)] = 1.0,
    review_per_hour: Annotated[float, typer.Option(help="UNDECIDED parts that people can look at in an hour; 0 = no band", min=0)] = 0.0,
    shift_hours: Annotated[float, typer.Option(help="hours of a shift", min=0)] = 8.0,
    currency: Annotated[str, typer.Option(help="of the costs, as it is to be shown")] = "EUR",
    test: Annotated[Path | None, typer.Option(help="COCO file to confirm on; must share no part with --data")] = None,
    model: Model = None,
    recipe: RecipeFile = None,
    write: Annotated[Path | None, typer.Option(help="recipe to write the scores into; made where there is none")] = None,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="with --write: although most good parts would be rejected, or more be reviewed than people can")
    ] = False,
    html: Html = None,
    language: Tongue = "en",
    cache: Kept = CACHE,
    as_json: Json = False,
) -> None:
    """Scores for a recipe from what errors cost, with what a shift then brings (docs/evaluation.md). The model stays as it is."""
    from edge.inspect import recipe_for
    from edge.judge import Judge
    from training.business import Business
    from training.cache import Cache
    from training.recipe_file import write_scores
    from training.recommend import HARSH, UNUSABLE, recommend
    from training.report import thresholds_page, warnings, write_page
    from training.words import Words

    if write is None:
        refuse_idle(thresholds, locals(), ("anyway",), "does nothing without --write: name the recipe that gets the scores")
    business = Business(escape_cost, overkill_cost, review_cost, parts_per_hour, defect_share, review_per_hour, shift_hours, currency)
    judge = Judge(recipe_for(recipe or ROOT / "recipes" / "board.toml", model), model_file=model)
    with Cache(cache) as kept:
        document, new = recommend(judge, data, test, business, Console(stderr=True), kept)
    words = Words(language)
    if html is not None:
        write_page(html, thresholds_page(document, language))
    refused = UNUSABLE if anyway else UNUSABLE | HARSH
    said = list(zip(document["warnings"], warnings(document, words), strict=True))
    reasons = [text for w, text in said if w["key"] in refused]
    if write is not None and not reasons:
        counts = document["val"]["recommended"]["counts"]
        although = "".join(f"; written although {text}" for w, text in said if w["key"] in HARSH)
        note = f"gutteil thresholds on {data.name}: {counts['bad']} NG and {counts['good']} OK parts{although}"
        write_scores(write, judge, new, judge.classes, note)
    if as_json:
        print_json(document)
    else:
        show_thresholds(document, words)
        if write is not None and not reasons:
            Console().print(f"{write}", highlight=False, soft_wrap=True)
    if write is not None and reasons:
        way = "" if any(w["key"] in UNUSABLE for w, _ in said) else "; to write them all the same: --anyway"
        raise SettingsError(f"--write {write}: not written: {'; '.join(reasons)}{way}")


def show_thresholds(document: dict[str, Any], words: Any) -> None:
    """For people."""
    from training.report import in_short, rests_on, warnings

    console = Console()

    def say(text: str) -> None:
        console.print(text, highlight=False, soft_wrap=True, markup=False)

    say(in_short(document, words))
    band = document["for_all"]
    say(
        f"{words('for_all')}: {words('undecided_score')} {words.score(band['undecided_score'])}, {words('ng_score')} {words.score(band['ng_score'])}"
    )
    for name, row in document["classes"].items():
        if row["own"]:
            say(
                f"  {name}: {words('undecided_score')} {words.score(row['undecided_score'])}, {words('ng_score')} {words.score(row['ng_score'])}"
            )
    say(rests_on(document, words))
    for line in warnings(document, words):
        say(f"{words('warning')}: {line}")


def print_json(document: Any) -> None:
    """One JSON document on standard output."""
    print(json.dumps(document, ensure_ascii=False))
