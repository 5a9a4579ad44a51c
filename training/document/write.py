"""From facts to a document: Markdown, and the same as a page that prints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from training.document.facts import Facts
from training.document.words import WORDS, Language, word
from training.words import Words

FEW = 59  # bad parts: with fewer not even 5 % escapes can be excluded (0.95^59 < 0.05)
_STYLE = """@page{size:A4;margin:18mm}body{font:15px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#16191d;background:#fff}
h1{font-size:1.8rem}h2{font-size:1.2rem;border-bottom:2px solid #16191d;margin-top:1.8rem;break-after:avoid}table{border-collapse:collapse;width:100%;margin:.6rem 0}
th,td{border:1px solid #b5bac1;padding:.3rem .6rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}tr{break-inside:avoid}thead th{background:#eef0f3}thead:has(th:empty){display:none}
code{font-size:.9em;overflow-wrap:anywhere}@media(max-width:40rem){body{margin:1rem auto}}"""


def markdown(facts: Facts, language: Language) -> str:
    """The document as Markdown (CommonMark with tables)."""
    return "\n\n".join(block for block in _Writer(facts, language).blocks() if block) + "\n"


def page(facts: Facts, language: Language) -> str:
    """The same as HTML in one file, A4 when printed."""
    from markdown_it import MarkdownIt

    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown(facts, language))
    title = _plain(f"{word('title', language)}: {facts.card['name']}")
    return (
        f"<!doctype html><html lang='{language}'><meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
        f"<title>{title}</title><style>{_STYLE}</style>{body}</html>\n"
    )


def _plain(text: object) -> str:
    """What comes from files and people is text: it neither breaks a table nor becomes markup."""
    out = " ".join(str(text).split())
    for sign, safe in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\\", "\\\\"), ("|", "\\|"), ("*", "\\*"), ("_", "\\_"), ("`", "\\`"), ("[", "\\["), ("]", "\\]"), ("~", "\\~")):  # fmt: skip
        out = out.replace(sign, safe)
    return out


class _Writer:
    def __init__(self, facts: Facts, language: Language) -> None:
        self.f, self.language = facts, language
        self.n = Words(language)

    def w(self, key: str, **values: object) -> str:
        return word(key, self.language, **values)

    def head(self, key: str) -> str:
        return f"## {self.w(key)}"

    def known(self, value: Any) -> str:
        return _plain(value) if value not in (None, "", [], {}) else f"*{self.w('open')}*"

    def coded(self, kind: str, code: str) -> str:
        """A word of the registry in the document's language."""
        return self.w(f"{kind}.{code}") if f"{kind}.{code}" in WORDS else _plain(code)

    def share(self, s: dict[str, Any] | None) -> str:
        if s is None:
            return self.known(None)
        return self.w(
            "share",
            count=s["count"],
            of=s["of"],
            rate=self.n.percent(s["rate"]),
            low=self.n.percent(s["low"]),
            high=self.n.percent(s["high"]),
        )

    def table(self, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
        lines = [f"| {' | '.join(r)} |" for r in (head, ["---"] * len(head), *rows)]
        return "\n".join(lines)

    def pairs(self, rows: Iterable[tuple[str, str]]) -> str:
        return self.table(("", ""), ((f"**{self.w(k)}**", v) for k, v in rows))

    def blocks(self) -> Iterable[str]:
        f, w = self.f, self.w
        yield f"# {w('title')}: {_plain(f.card['name'])}"
        yield w("subtitle", at=f.made_at)
        yield self.head("purpose")
        yield w("purpose.what", classes=_plain(", ".join(f.card["classes"])), product=_plain(f.product))
        yield w("purpose.not")
        yield f"{w('purpose.own')}: {self.known(f.purpose)}"
        yield self.head("identity")
        yield self._identity()
        yield self.head("data")
        yield self._data()
        yield self.head("figures")
        yield from self._figures()
        yield self.head("parity")
        yield self._parity()
        yield self.head("latency")
        yield "\n".join(
            f"- {w('latency.row', ms=self.n.number(ms, 1), device=_plain(d))}" for d, ms in (f.latency or {}).items()
        ) or self.known(None)
        yield self.head("shadow")
        yield self._shadow()
        yield self.head("limits")
        yield "\n".join(f"- {line}" for line in self._limits())
        yield self.head("oversight")
        yield w("oversight.text")
        yield self.head("decided")
        yield from self._decided()
        yield self.head("keeping")
        yield w("keeping.text")
        yield self._keeping()
        yield self.head("system")
        yield "\n".join(f"- {_plain(k)}: {_plain(v)}" for k, v in f.system.items()) or self.known(None)
        yield self.head("annex")
        yield w("annex.note")
        yield self._annex()

    def _identity(self) -> str:
        f, card = self.f, self.f.card
        size = f"{card['width_px']} × {card['height_px']} px, {', '.join(card['planes'])}"
        rows = [
            ("name", card["name"]), ("product", f.product), ("state", self.coded("state", f.state)), ("file", f.sha256), ("classes", ", ".join(card["classes"])), ("input", size),
            ("precision", card.get("precision", "fp32")), ("licence", card["licence"]), ("trainer", card.get("trainer")), ("command", card.get("command")),
            ("created", card.get("created")), ("registered", self.w("by_at", who=f.registered_by, at=f.registered_at)), ("code", f.code),
        ]  # fmt: skip
        remarks = card.get("remarks") or []
        return self.pairs([(k, self.known(v)) for k, v in rows] + [("remarks", self.known(r)) for r in remarks])

    def _data(self) -> str:
        f, s = self.f, self.f.snapshot
        rows = [("data.hash", self.known(f.card.get("data_hash")))]
        if s is not None:
            counted = "; ".join(
                f"{split}: " + ", ".join(f"{self._counted(k)} {n}" for k, n in counts.items()) for split, counts in s["splits"].items()
            )
            rows += [
                ("data.images", _plain(f"{s['images']} ({counted})")), ("data.split", self.known(s.get("split_by"))),
                ("data.sources", self.known(", ".join(f"{k}: {n}" for k, n in s["sources"].items()))),
                ("data.who", self.known(", ".join(f"{k}: {n}" for k, n in s["who"].items()))), ("data.corrected", self.known(str(s["corrected"]))),
            ]  # fmt: skip
        scores = ", ".join(f"{k} {self.n.number(v, 4)}" for k, v in (f.card.get("scores") or {}).items())
        rows.append(("data.scored", self.known(f"{f.card.get('scored_on')}: {scores}" if scores else None)))
        return self.pairs(rows)

    def _counted(self, what: str) -> str:
        return self.w("data.images") if what == "images" else what.removeprefix("verdict ")

    def _figures(self) -> Iterable[str]:
        e = self.f.evaluation
        if e is None:
            yield self.known(None)
        else:
            yield self.w("figures.on", data=_plain(e["data"]), parts=e.get("parts", e["images"]), images=e["images"])
            yield self.pairs(
                [("escape", self.share(e["escape"])), ("overkill", self.share(e["overkill"])), ("undecided", str(e["undecided"]))]
            )
            rows = [(_plain(name), self.share(row.get("escape"))) for name, row in self._classes()]
            yield self.table((self.w("class"), self.w("escape")), rows) if rows else ""
            yield self.w("figures.why")
        if self.f.rules:
            yield f"**{self.w('thresholds')}** ({_plain(self.f.recipe)})"
            rules = (
                (self.w("default") if k == "default" else _plain(k), self.n.score(ng), self.n.score(u))
                for k, (ng, u) in self.f.rules.items()
            )
            yield self.table((self.w("class"), self.w("ng_score"), self.w("undecided_score")), rules)

    def _classes(self) -> list[tuple[str, dict[str, Any]]]:
        """By class, from the list or the mapping that an evaluation holds."""
        found = (self.f.evaluation or {}).get("classes") or []
        return list(found.items()) if isinstance(found, dict) else [(str(r.get("class", r.get("name"))), r) for r in found]

    def _parity(self) -> str:
        p = self.f.parity
        if p is None:
            return self.known(None)
        said = self.w("passed" if p["passed"] else "failed") + " " + "; ".join(_plain(x) for x in p.get("failures", []))
        return self.w(
            "parity.text",
            images=p["images"],
            flipped=p["flipped"],
            px=self.n.number(p["max_box_px"], 2),
            score=self.n.number(p["max_score"], 4),
            word=said,
        )

    def _shadow(self) -> str:
        s = self.f.shadow
        if s is None:
            return self.known(None)
        text = self.w("shadow.text", parts=s["parts"], skipped=s["skipped"], disagreements=s["disagreements"])
        return text + " " + self.w("shadow.score", reviewed=s["reviewed"], right=s["right"], escapes=s["escapes"])

    def _limits(self) -> Iterable[str]:
        e = self.f.evaluation
        if self.f.limits:
            yield _plain(self.f.limits)
        if e is None:
            yield self.w("limit.none")
        else:
            if "warn.trained" in e.get("warnings", []):
                yield self.w("limit.trained")
            yield self.w("limit.claim", of=e["escape"]["of"], high=self.n.percent(e["escape"]["high"]))
            for name, row in self._classes():
                escape = row.get("escape")
                if escape is not None and escape["of"] < FEW:
                    yield self.w("limit.few", name=_plain(name), of=escape["of"], high=self.n.percent(escape["high"]))
        yield self.w("limit.unseen")

    def _decided(self) -> Iterable[str]:
        head = [self.w(k) for k in ("event", "state", "who", "when", "why", "key")]
        rows = [
            [
                self.coded("event", c.event),
                self.coded("state", c.state),
                _plain(c.who),
                c.at[:19].replace("T", " "),
                _plain(c.reason),
                _plain(c.key),
            ]
            for c in self.f.changes
        ]
        yield self.table(head, rows) if rows else self.known(None)
        yield f"{self.w('before')}: {self.known(self.f.before)}"

    def _keeping(self) -> str:
        k = self.f.keeping
        if k is None:
            return ""
        kept = self.w("keeping.kept", days=self.n.amount(k.days), gb=self.n.amount(k.gb))
        audit = self.w("keeping.rows", rows=self.n.number(k.rows)) + (f", {_plain(k.broken)}" if k.broken else "")
        return self.pairs([("keeping.images", kept), ("keeping.audit", audit), ("keeping.head", self.known(k.head))])

    def _annex(self) -> str:
        where = {
            "1": ("purpose", "identity", "system"), "2": ("data", "figures", "parity", "oversight"), "3": ("limits", "figures", "shadow"),
            "4": ("figures",), "6": ("decided",), "9": ("keeping", "shadow"),
        }  # fmt: skip
        rows = []
        for n in range(1, 10):
            answered = ", ".join(self.w(k) for k in where.get(str(n), ())) or f"*{self.w('annex.yours')}*"
            rows.append((self.w(f"annex.{n}"), answered))
        return self.table((self.w("annex.point"), self.w("annex.where")), rows)
