"""Two models on the very same parts: only the parts on which they disagree say which one is better."""

from __future__ import annotations

from typing import Any

from edge.errors import SettingsError
from training.parts import Judged, Truth


def mcnemar(only_first: int, only_second: int) -> float:
    """Two-sided p of McNemar's test in its exact form (Psychometrika 1947): of the parts that only one got wrong, is it half each?"""
    from scipy.stats import binomtest

    n = only_first + only_second
    return float(binomtest(only_first, n, 0.5).pvalue) if n else 1.0


def paired(judged: Judged, other: Judged) -> dict[str, Any]:
    """This model's verdicts against another's, part by part.

    Returns:
        For `escape` and `overkill`: `new` (parts that only this model gets wrong) and `mended` (only the other one), by name, `both`
        (how many both get wrong), `p` of McNemar's exact test.

    Raises:
        SettingsError: not the same parts.
    """
    if [s.digest for s in judged.seen] != [s.digest for s in other.seen]:
        raise SettingsError("the two models were not judged on the same images, so that they cannot be compared; evaluate both again")
    out: dict[str, Any] = {}
    cases: list[tuple[str, Truth]] = [("escape", "NG"), ("overkill", "OK")]
    for what, truth in cases:
        new, mended, both = [], [], 0
        for part, a, b in zip(judged.parts, judged.verdicts, other.verdicts, strict=True):
            if part.truth == truth:
                wrong, was_wrong = (v == "OK" if truth == "NG" else v != "OK" for v in (a, b))
                both += wrong and was_wrong
                if wrong and not was_wrong:
                    new.append(part.name)
                elif was_wrong and not wrong:
                    mended.append(part.name)
        out[what] = {"new": new, "mended": mended, "both": both, "p": mcnemar(len(new), len(mended))}
    return out
