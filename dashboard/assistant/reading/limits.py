"""How much one file may be; beyond it, it is refused by name."""

from __future__ import annotations

from typing import Final

MAX_BYTES: Final = 100_000_000
MAX_PAGES: Final = 3_000
MAX_TEXT: Final = 30_000_000  # characters
MAX_UNPACKED: Final = 400_000_000  # of a packed format (DOCX, XLSX)
MAX_RATIO: Final = 200  # unpacked to packed, of a part above 1 MB
MAX_PARTS: Final = 5_000
MAX_ROWS: Final = 500_000
MAX_COLUMNS: Final = 1_000
MAX_DEPTH: Final = 100  # of nested elements, tables, attachments within attachments
