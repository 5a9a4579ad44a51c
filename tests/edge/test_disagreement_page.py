"""The page of disagreements stays readable however much two models see."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import cv2
import numpy as np

from edge.disagreement_page import MOST_DRAWN, page
from edge.messages import Defect
from edge.shadow_results import Disagreement, Result


def test_the_surest_defects_are_drawn_and_named_and_the_rest_is_counted(tmp_path: Path) -> None:
    """Sure defects lie on the left, the rest on the right."""
    cv2.imwrite(str(tmp_path / "a.png"), np.full((200, 400), 90, np.uint8))
    sure = [Defect("dent", 0.9, (40, 80, 70, 110), "NG")] * MOST_DRAWN
    unsure = [Defect("<b>", 0.01, (330, 80, 360, 110), "NG")] * 300
    result = Result(
        part_id="P1", recipe_hash="", active_sha256="", active_verdict="NG", verdict="OK", active_score=0.9, score=0, active_defects=unsure + sure
    )  # fmt: skip
    found = Disagreement(result=result, truth=None, reviewer="", triggered_at="2026-11-24T19:17:53.038Z", image_path="a.png")
    nothing = {"count": 0, "of": 0, "rate": 0.0, "low": 0.0, "high": 1.0}
    document = {
        "product": "p", "model": "c" * 64, "active": "a" * 64, "differ": 1, "judged": 15,
        "skipped": {"judged": 15, "busy": 0, "gone": 0, "missed": 0, "failed": 0},
        "score": {"candidate_right": nothing, "active": 0, "undecided": 0, "open": 1, "new_escapes": [], "new_catches": []},
    }  # fmt: skip
    text = page(document, [found], tmp_path)
    assert "dent 0.90, dent 0.90, dent 0.90, dent 0.90, dent 0.90 and 315 more" in text
    assert "2026-11-24 19:17:53" in text
    assert "cccccccccccc differs on 1 of 15 parts" in text
    assert "no disagreement has been reviewed" in text
    assert "0 of 0" not in text
    data = re.search('base64,([^"]+)', text)
    assert data
    image = cv2.imdecode(np.frombuffer(base64.b64decode(data[1]), np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    coloured = np.ptp(image.astype(int), axis=2) > 60
    assert coloured[:, :200].any()
    assert not coloured[:, 200:].any()
