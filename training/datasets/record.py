"""The appliance's own record as a source: parts that a person has reviewed, with the images that are still kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from edge.reviews import Review
from edge.store import FILE_NAME, Inspection, Store, open_store
from training.datasets.entry import Corrections, Label, Lineage, make_label, make_name
from training.datasets.found import Found, Item, Refused

_SAME, _MATCH = 0.99, 0.5  # IoU


def read_record(folder: Path, *, prefix: str = "", trust_model: bool = False) -> Iterator[Item]:
    """Every reviewed part as a labelled image. `unsure` and withdrawn reviews say nothing and are passed over.

    A part that is bad and of which nobody drew the defects has no boxes to learn from: with `trust_model` it is taken with those that
    the model called NG, otherwise it is refused as needing boxes.

    Raises:
        StoreError: no record there.
    """
    with open_store(folder / FILE_NAME, read_only=True) as store:
        for review in store.reviews(newest=True):
            if review.truth in ("good", "bad"):
                yield _item(store, review, folder, prefix, trust_model)


def _item(store: Store, review: Review, folder: Path, prefix: str, trust_model: bool) -> Item:
    part = store.inspection(review.part_id)
    if part is None:
        return Refused(review.part_id, "is not in the record")
    if part.image_path is None:
        return Refused(review.part_id, f"its image is not kept ({part.evidence or 'there was none'})")
    said = tuple(_labels(part))
    if review.truth == "bad" and review.boxes is None and not trust_model:
        return Refused(
            review.part_id, "is bad, and nobody said where: needs boxes (gutteil review … --box), or take the model's with --trust-model"
        )
    try:
        if review.truth == "good":
            labels: tuple[Label, ...] = ()
        elif review.boxes is None:
            labels = tuple(label for label, d in zip(said, part.defects, strict=True) if d.verdict == "NG")
            if not labels:
                return Refused(review.part_id, "is bad, and the model saw nothing: needs boxes (gutteil review … --box)")
        else:
            labels = tuple(make_label(b.kind, b.x1, b.y1, b.x2, b.y2) for b in review.boxes)
        name = make_name(f"{part.station}/{Path(part.image_path).name}", prefix=prefix)
    except ValueError as error:
        return Refused(review.part_id, str(error))
    reference = None
    if part.reference_path is not None:
        reference = (f"references/{Path(part.reference_path).name}", folder / part.reference_path)
    return Found(
        name,
        folder / part.image_path,
        folder,
        labels,
        "OK" if review.truth == "good" else "NG",
        keys={"part": part.part_id, "lot": part.run_id or "", "taken_at": part.triggered_at},
        reference=reference,
        lineage=Lineage(
            format="record",
            source=part.source or "",
            who=review.who,
            labelled_at=review.reviewed_at,
            note=review.note,
            part_id=part.part_id,
            recipe=f"{part.recipe or ''} {part.recipe_hash or ''}".strip(),
            model=part.model_hash or "",
            corrections=corrections(part.verdict or "", said, labels),
        ),
    )


def _labels(part: Inspection) -> Iterator[Label]:
    for d in part.defects:
        yield Label(d.kind, *(round(v, 3) for v in (d.x1, d.y1, d.x2, d.y2)))


def corrections(verdict: str, said: tuple[Label, ...], truth: tuple[Label, ...]) -> Corrections:
    """What a person changed of what the model said; boxes are paired by the best IoU first."""
    pairs = sorted(((_iou(a, b), i, j) for i, a in enumerate(said) for j, b in enumerate(truth)), reverse=True)
    of_said, of_truth = set[int](), set[int]()
    kept = moved = renamed = 0
    for iou, i, j in pairs:
        if iou < _MATCH or i in of_said or j in of_truth:
            continue
        of_said.add(i)
        of_truth.add(j)
        if said[i].kind != truth[j].kind:
            renamed += 1
        elif iou >= _SAME:
            kept += 1
        else:
            moved += 1
    return Corrections(verdict, said, kept, moved, renamed, len(truth) - len(of_truth), len(said) - len(of_said))


def _iou(a: Label, b: Label) -> float:
    w, h = min(a.x2, b.x2) - max(a.x1, b.x1), min(a.y2, b.y2) - max(a.y1, b.y1)
    common = max(0.0, w) * max(0.0, h)
    union = (a.x2 - a.x1) * (a.y2 - a.y1) + (b.x2 - b.x1) * (b.y2 - b.y1) - common
    return common / union if union > 0 else 0.0
