"""Models for other programs: the same questions and orders as the pages', as JSON."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any, Literal

import cv2
import msgspec
from fastapi import APIRouter, Request, Response
from msgspec import Meta

from dashboard.api.answers import BAD, json_answer, read_body
from dashboard.api.description import Refusal
from dashboard.desk import Desk
from dashboard.models.shelf import Candidate, Shelf, as_person, details, differing, overview
from edge.activation import Registry
from edge.disagreement_page import draw_both
from edge.shadow_results import Disagreement

Step = Literal["shadow", "propose", "release", "retire"]
NEEDS: dict[str, Literal["models", "release"]] = {"shadow": "models", "propose": "models", "release": "release", "retire": "models"}


class Why(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The reason of an order; it goes into the record."""

    reason: Annotated[str, Meta(min_length=1, max_length=200, pattern=r"\S")]
    product: Annotated[str, Meta(max_length=200)] = ""


class Models(msgspec.Struct, frozen=True):
    """Every model of a product; `station`: what the station is told, absent where that file cannot be used."""

    product: str
    active: str
    before: str | None
    station: str | None
    wrong: str
    models: list[dict[str, Any]]
    in_shadow: Candidate | None


class Differences(msgspec.Struct, frozen=True):
    """The newest parts on which a model differs from the one that judges."""

    score: dict[str, Any]
    parts: list[Disagreement]


def add_models(router: APIRouter, desk: Desk) -> None:
    """The routes."""
    shelf, said = Shelf(desk), desk.schemas

    @router.get("/api/models", response_class=Response, responses=said.answers(Models, *BAD))
    async def models(product: str = "") -> Response:
        """Every model of a product with its state, and the one in shadow with what the gate misses."""
        document, candidate, _ = await shelf.read(overview, product[:200])
        return json_answer(Models(**document, in_shadow=candidate))

    @router.get("/api/models/{model}", response_class=Response, responses=said.answers(dict[str, Any], *BAD))
    async def model(model: str, product: str = "") -> Response:
        """All that is known of a model: card, documents, states."""
        return json_answer(await shelf.read(lambda registry: details(registry, model[:64]), product[:200]))

    @router.get("/api/models/{model}/differences", response_class=Response, responses=said.answers(Differences, *BAD))
    async def differences(model: str, product: str = "") -> Response:
        """The newest parts on which it differs from the model that judges."""
        found, score = await shelf.read(lambda registry: differing(registry, model[:64]), product[:200])
        return json_answer(Differences(score.as_dict(), found))

    picture_answers: dict[int | str, dict[str, Any]] = {
        200: {"description": "JPEG", "content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}},
        404: {"description": "no picture of it is kept"},
    }

    @router.get("/api/models/{model}/differences/{part_id:path}/picture", response_class=Response, responses=picture_answers)
    async def picture(model: str, part_id: str, product: str = "") -> Response:
        """The picture of such a part with the boxes of both models."""
        found, _ = await shelf.read(lambda registry: differing(registry, model[:64]), product[:200])
        part = next((p for p in found if p.result.part_id == part_id), None)
        data = await asyncio.to_thread(_drawn, desk.record.path.parent, part) if part is not None else None
        if data is None:
            return Response("no picture of it is kept", 404, media_type="text/plain")
        return Response(data, headers={"Cache-Control": "private, max-age=600"}, media_type="image/jpeg")

    @router.post("/api/models/rollback", response_class=Response, responses=said.answers(Refusal, *BAD), openapi_extra=said.body(Why))
    async def rollback(request: Request) -> Response:
        """Back to the model before, at once."""
        if not (request.state.person.may("models") or request.state.person.may("release")):
            return json_answer(Refusal(False, f"{request.state.person.name} has no permission 'models' or 'release'; ask an admin"), 403)
        why = await read_body(request, Why)
        who = as_person(request.state.person.name)
        await shelf.change(lambda registry: registry.rollback(who, why.reason), why.product)
        return json_answer(Refusal(True, "the model before judges again"))

    @router.post("/api/models/{model}/{step}", response_class=Response, responses=said.answers(Refusal, *BAD), openapi_extra=said.body(Why))
    async def order(request: Request, model: str, step: Step) -> Response:
        """Put into shadow, propose, release or retire; the gate and two people count as everywhere."""
        if not request.state.person.may(NEEDS[step]):
            return json_answer(Refusal(False, f"{request.state.person.name} has no permission '{NEEDS[step]}'; ask an admin"), 403)
        why = await read_body(request, Why)
        who = as_person(request.state.person.name)

        def give(registry: Registry) -> Any:
            return getattr(registry, step)(model[:64], who, why.reason)

        done = await shelf.change(give, why.product)
        return json_answer(Refusal(True, "; ".join(done) if isinstance(done, list) else str(done)))


def _drawn(folder: Path, part: Disagreement) -> bytes | None:
    image = draw_both(part, folder)
    if image is None:
        return None
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 85])
    return data.tobytes() if done else None
