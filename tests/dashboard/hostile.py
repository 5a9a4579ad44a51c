"""Texts that would do something if a page took them for more than text."""

from __future__ import annotations

from typing import Final

from playwright.sync_api import Page

MARK: Final = "__gutteil_hostile__"
HOSTILE: Final = (
    f'<img src=x onerror="window.{MARK}=1">',
    f"<script>window.{MARK}=1</script>",
    f"'\"><svg onload=window.{MARK}=1>",
    f"</script><script>window.{MARK}=1</script>",
    "{{ constructor.constructor('window." + MARK + "=1')() }}",
    "${window." + MARK + "=1}",
    f"`);window.{MARK}=1;(`",
    f"javascript:window.{MARK}=1",
)


def check_harmless(page: Page, *texts: str) -> None:
    """Nothing of it has run or become an element, and the given texts stand on the page as they are."""
    page.wait_for_timeout(300)
    assert page.evaluate(f"window.{MARK}") is None, "a text was run"
    assert page.locator("main img[src=x], #main img[src=x], svg[onload], img[onerror]").count() == 0, "a text became an element"
    body = page.locator("body").inner_text()
    for text in texts:
        assert text in body, f"{text!r} is not shown as it is"
