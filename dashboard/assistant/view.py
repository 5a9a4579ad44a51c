"""What one role sees of the safe. Everything that reads for an asker reads through this."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.assistant.documents import About, Chunk, Collection, Document, Piece
from dashboard.assistant.errors import Forbidden
from dashboard.assistant.safe import Safe

_CHUNK = (
    "SELECT k.id, k.document, d.name, d.version, c.name, k.text, k.kind, k.page, k.row, k.heading, k.verified, d.supplier, d.type, d.date"
    " FROM chunks k JOIN documents d ON d.id = k.document JOIN collections c ON c.id = d.collection"
    " WHERE EXISTS (SELECT 1 FROM json_each(c.roles) WHERE value = :role)"
)


class View:
    """The safe as a role sees it. The role stands in the query itself, so that no caller can forget it."""

    def __init__(self, safe: Safe, role: str) -> None:
        self._safe, self.role = safe, role

    def collections(self) -> list[Collection]:
        """Those that the role may ask, as they are now."""
        return [one for one in self._safe.collections() if self.role in one.roles]

    def documents(self) -> list[Document]:
        """Every version of every document in them."""
        mine = {one.name for one in self.collections()}
        return [document for document in self._safe.documents() if document.collection in mine]

    def chunks(self, ids: Sequence[int]) -> list[Chunk]:
        """These passages, in this order; those that the role may not see, or that are gone, are left out."""
        marks = ", ".join(str(int(one)) for one in ids)
        with self._safe.reading() as db:
            rows = db.execute(f"{_CHUNK} AND k.id IN ({marks})", {"role": self.role}).fetchall()
        found = {row[0]: _chunk(row) for row in rows}
        return [found[one] for one in ids if one in found]

    def original(self, document: int) -> bytes:
        """The bytes of a document's file.

        Raises:
            Forbidden: not for this role, or not there; which of both is not said.
        """
        with self._safe.reading() as db:
            row = db.execute(
                "SELECT o.data FROM originals o JOIN documents d ON d.id = o.document JOIN collections c ON c.id = d.collection"
                " WHERE o.document = :id AND EXISTS (SELECT 1 FROM json_each(c.roles) WHERE value = :role)",
                {"id": document, "role": self.role},
            ).fetchone()
        if row is None:
            raise Forbidden(f"document {document}: not there, or not for the role {self.role}; ask an admin")
        return bytes(row[0])


def _chunk(row: Sequence[object]) -> Chunk:
    chunk, document, name, version, collection, text, kind, page, line, heading, verified, supplier, sort, date = row
    piece = Piece(text, kind, page, line, heading, bool(verified))  # type: ignore[arg-type]
    return Chunk(chunk, document, name, version, collection, piece, About(supplier, sort, date))  # type: ignore[arg-type]
