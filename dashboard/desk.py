"""What every page has at hand. Made once by `make_app` and handed to each page; nothing of it is global."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dashboard.api.description import Schemas
from dashboard.live import Live
from dashboard.people.entrance import Entrance
from dashboard.people.pseudonyms import Pseudonyms
from dashboard.people.sessions import Sessions
from dashboard.people.staff import Staff
from dashboard.people.tokens import Tokens
from dashboard.people.users import People
from dashboard.pictures import Pictures
from dashboard.record import Record
from dashboard.setup.selftests import SelfTests
from dashboard.viewers import Viewers
from edge.config import Station

if TYPE_CHECKING:
    from dashboard.frame import Page


@dataclass(frozen=True, slots=True)
class Desk:
    """The appliance as the dashboard sees it.

    Attributes:
        live: the state of the line as of now.
        record: what has been recorded; asked in threads.
        schemas: the types that routes answer with, for the API's description.
        pages: every page, in the order of the navigation; filled while the app is made.
    """

    config: Station
    live: Live
    viewers: Viewers
    pictures: Pictures
    record: Record
    people: People
    sessions: Sessions
    entrance: Entrance
    staff: Staff
    tokens: Tokens
    pseudonyms: Pseudonyms
    selftests: SelfTests
    schemas: Schemas = field(default_factory=Schemas)
    pages: list[Page] = field(default_factory=list)
