"""The API's own description (OpenAPI 3.1), made from the routes, the structs that they answer with, and the door's table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from dashboard.people.access import Rule

_REF = "#/components/schemas/{name}"
_REFUSALS = {
    401: "log in first",
    403: "no permission, or a request of another site",
    429: "too many requests; Retry-After says when to try again",
}
ABOUT = """Everything that the pages show and do. Log in with a session (`POST /api/session`) or send an API token as
`Authorization: Bearer TOKEN`; a token may do what its scopes say, and the scopes are the permissions named at each address.
With a session, everything but GET needs the header `X-Gutteil: 1`."""


class Refusal(msgspec.Struct, frozen=True):
    """Why something was not done, and what to do."""

    accepted: bool
    text: str


class Schemas:
    """Collects the structs that answers and bodies are made of."""

    def __init__(self) -> None:
        self._kinds: dict[str, Any] = {}

    def of(self, kind: Any) -> dict[str, Any]:
        """The schema of a type, as a reference if it has a name of its own."""
        (schema,), components = msgspec.json.schema_components([kind], ref_template=_REF)
        self._kinds.update(components)
        return schema

    def answers(self, kind: Any, *refusals: int) -> dict[int | str, dict[str, Any]]:
        """What a route may answer: 200 with JSON of this type, and refusals by status."""
        said: dict[int | str, dict[str, Any]] = {200: {"description": "done", "content": {"application/json": {"schema": self.of(kind)}}}}
        for status in refusals:
            said[status] = {"description": "refused; says why", "content": {"application/json": {"schema": self.of(Refusal)}}}
        return said

    def body(self, kind: Any) -> dict[str, Any]:
        """For `openapi_extra` of a route that reads its body itself."""
        return {"requestBody": {"required": True, "content": {"application/json": {"schema": self.of(kind)}}}}

    @property
    def components(self) -> dict[str, Any]:
        return dict(sorted(self._kinds.items()))


def _needs(rules: Sequence[Rule], path: str, method: str) -> str | None:
    fitting = [r for r in rules if path == r.path or path.startswith(r.path + "/")]
    rule = max(fitting, key=lambda r: len(r.path), default=None)
    if rule is None:
        return None
    return rule.needs if method == "GET" else rule.changes or rule.needs


def describe(app: FastAPI, schemas: Schemas, rules: Sequence[Rule]) -> Callable[[], dict[str, Any]]:
    """A function that makes the description once, when it is first asked for; `rules`: the door's table."""
    made: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if made:
            return made
        document = get_openapi(title="Gutteil", version="1", summary="Quality control at the line", description=ABOUT, routes=app.routes)
        parts = document.setdefault("components", {})
        refusal = {"application/json": {"schema": schemas.of(Refusal)}}
        parts.setdefault("schemas", {}).update(schemas.components)
        parts["securitySchemes"] = {
            "session": {"type": "apiKey", "in": "cookie", "name": "gutteil_session"},
            "token": {"type": "http", "scheme": "bearer"},
        }
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                permission = _needs(rules, path, method.upper())
                operation["x-permission"] = permission or "anybody"
                operation["security"] = [{"session": []}, {"token": []}] if permission not in (None, "look") else []
                for status, text in _REFUSALS.items():
                    if status == 429 or permission not in (None, "look"):
                        operation["responses"].setdefault(str(status), {"description": text, "content": refusal})
        made.update(document)
        return made

    return openapi
