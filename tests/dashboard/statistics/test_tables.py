"""Tables of the charts: as people, screen readers and spreadsheets read them."""

from __future__ import annotations

import csv
import io

from dashboard.numbers import Numbers
from dashboard.rules import mark, words
from dashboard.statistics.cards import without_ends
from dashboard.statistics.charts import Table
from dashboard.statistics.shifts_page import level_of
from dashboard.statistics.slots import labels
from dashboard.texts import LANGUAGES, texts_of
from edge.config import Shifts
from edge.shifts import Calendar, Slot
from edge.spc import RULES, p_chart
from edge.statistics import Band
from edge.tally_sums import Counts

CALENDAR = Calendar(Shifts(zone="Europe/Berlin"))
TABLE = Table(["Class", "Parts", "Share"], [["<b>x", "1,000", "0.5 %"]], [["=cmd|' /C calc'!A0", 1000, 0.005]], ["/history?kind=a&b=<"])


def test_a_table_for_spreadsheets_in_both_languages() -> None:
    assert next(csv.reader(io.StringIO(TABLE.csv("en").split("\r\n")[1]))) == ["'=cmd|' /C calc'!A0", "1000", "0.005"]
    assert next(csv.reader(io.StringIO(TABLE.csv("de").split("\r\n")[1]), delimiter=";")) == ["'=cmd|' /C calc'!A0", "1000", "0,005"]


def test_texts_of_the_record_stay_texts_in_the_table() -> None:
    html = TABLE.html("a <caption>")
    assert "<b>" not in html
    assert "a &lt;caption&gt;" in html
    assert 'href="/history?kind=a&amp;b=&lt;"' in html


def test_numbers_in_both_languages() -> None:
    en, de = (Numbers(language, CALENDAR) for language in ("en", "de"))
    assert (en.whole(12345.4), de.whole(12345.4)) == ("12,345", "12.345")
    assert (en.share(0.0012), de.share(0.0012), de.share(0.5)) == ("0.12\u202f%", "0,12\u202f%", "50,0\u202f%")
    assert (de.ms(7_040), en.ms(250_000)) == ("7,0\u202fms", "250\u202fms")
    assert [en.duration(s * 10**9) for s in (59, 61, 3_660)] == ["59\u202fs", "1\u202fmin 01\u202fs", "1\u202fh 01\u202fmin"]
    summer, winter = 1_782_885_600 * 10**9, 1_795_496_400 * 10**9
    assert (en.clock(summer), en.clock(winter), de.moment(winter)) == ("08:00", "06:00", "24.11.2026 06:00")


def test_labels_say_the_day_only_where_it_is_not_plain() -> None:
    n, texts = Numbers("de", CALENDAR), texts_of("de")
    since = CALENDAR.at(CALENDAR.local(1_795_496_400 * 10**9).date())
    day = 86_400 * 10**9
    assert labels(CALENDAR.slots("hour", since, since + day), "hour", n, texts)[6] == "06:00"
    assert labels(CALENDAR.slots("hour", since, since + 3 * day), "hour", n, texts)[6] == "24.11. 06:00"
    assert labels(CALENDAR.slots("shift", since, since + day), "shift", n, texts)[1] == "24.11. Frühschicht"
    assert labels(CALENDAR.slots("week", since, since + day), "week", n, texts) == ["KW 48"]
    assert labels(CALENDAR.slots("month", since, since + day), "month", n, texts) == ["11.2026"]


def test_every_rule_has_a_mark_of_its_own_and_words_in_every_language() -> None:
    rules = [rule for school in RULES.values() for rule in school]
    assert len({mark(rule) for rule in rules}) == len(rules) == 12
    for language in LANGUAGES:
        assert all(all(words(texts_of(language), rule)) for rule in rules)


def test_time_before_the_record_is_not_drawn_and_signals_stay_at_their_points() -> None:
    points = [(0, 0)] * 3 + [(5, 100)] * 12 + [(60, 100)] + [(5, 100)] * 2 + [(0, 0)] * 4
    slots = [Slot(str(i), i, i + 1) for i in range(len(points))]
    shown, chart = without_ends(slots, p_chart(points))
    assert [s.label for s in (shown[0], shown[-1])] == ["3", "17"]
    beyond = next(s for s in chart.signals if s.rule == "nelson-1")
    assert shown[beyond.points[-1]].label == "15"
    assert chart.points[beyond.points[-1]].count == 60


def test_the_calendar_says_high_only_beyond_what_chance_allows() -> None:
    band = Band(0.05, 1.0, 10_000, 0, 1)
    levels = [level_of(Counts(parts=100, ok=100 - n, ng=n), band) for n in (5, 9, 12)]
    assert levels == ["usual", "raised", "high"]
    assert level_of(Counts(parts=10, ok=8, ng=2), band) == "raised", "of ten parts two are no alarm"
    assert level_of(Counts(parts=100, ng=100), Band(None, 1.0, 0, 0, 1)) == "usual"
