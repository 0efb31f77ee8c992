"""Watch and portal as they run, with a real browser in front."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from cloud_sync.portal import server
from cloud_sync.portal.links import make_link
from cloud_sync.portal.secret import portal_secret
from cloud_sync.receiver import watch
from cloud_sync.receiver.config import Paths, Ports, ReceiverConfig
from hil_tests.rig.ports import free_ports
from tests.helpers.browser import browser, console, use_colours, use_viewport
from tests.helpers.desk import EVERYTHING, consent, write_book
from tests.helpers.seeded_home import DOUBTED, NEVER, ORDINARY, SILENT, SeededHome

DEADLINE_S = 20.0
PAGE_TEXT_MIN_PX = 19
TARGET_MIN_PX = 44
CONTRAST_MIN = 7

# The smallest contrast of any text with the first solid ground behind it, by WCAG 2.2's formula.
SMALLEST_CONTRAST = """
const linear = v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
const light = c => .2126 * linear(c[0]) + .7152 * linear(c[1]) + .0722 * linear(c[2]);
const numbers = text => text.match(/[\\d.]+/g).map(Number);
function ground(element) {
  for (let e = element; e; e = e.parentElement) {
    const c = numbers(getComputedStyle(e).backgroundColor);
    if (c.length === 3 || c[3] === 1) return c;
  }
  return [255, 255, 255];
}
return Math.min(...[...document.body.querySelectorAll('*')]
  .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
  .map(e => [light(numbers(getComputedStyle(e).color)), light(ground(e))].sort((a, b) => b - a))
  .map(([lighter, darker]) => (lighter + .05) / (darker + .05)));
"""
SMALLEST_TEXT = """
return Math.min(...[...document.body.querySelectorAll('main *')]
  .filter(e => e.textContent.trim()).map(e => parseFloat(getComputedStyle(e).fontSize)));
"""
SMALLEST_TARGET = """
return Math.min(...[...document.links].flatMap(e => {
  const box = e.getBoundingClientRect(); return [box.width, box.height]; }));
"""


@dataclass(frozen=True)
class Site:
    """A site that runs, and the link to its one home."""

    address: str
    port: int
    path: str

    @property
    def link(self) -> str:
        """What a family would open."""
        return f"http://{self.address}:{self.port}{self.path}"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """Watch and portal over a home with sensors in every state, until the test ends."""
    book = write_book(tmp_path / "book", "version = 1\n" + consent("margaret", *EVERYTHING))
    config = ReceiverConfig(
        "site",
        "localhost",
        "127.0.0.1",
        Ports(portal=free_ports(1)[0]),
        Paths(
            intake=tmp_path / "intake",
            portal=tmp_path / "portal",
            store=tmp_path / "lum.db",
            policy=book.policy,
            grants=book.grants,
        ),
    )
    now_ms = time.time_ns() // 1_000_000
    seeded = SeededHome(config.paths.store, now_ms)
    seeded.beat()
    seeded.tell([*ORDINARY, SILENT, NEVER, DOUBTED])
    path = f"/h/{make_link(portal_secret(config), 'margaret', now_ms + 3_600_000)}"
    tasks = [asyncio.create_task(watch.run(config)), asyncio.create_task(server.run(config))]
    try:
        async with asyncio.timeout(DEADLINE_S):
            while not (await asyncio.to_thread(listens, config) and seeded.homes.evaluated_ms()):
                pass
        yield Site("127.0.0.1", config.ports.portal, path)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        seeded.db.close()


@pytest.fixture
def chrome(tmp_path: Path) -> Iterator[Chrome]:
    """A browser of this test's own."""
    with browser(tmp_path / "browser") as driver:
        yield driver


def listens(config: ReceiverConfig) -> bool:
    """Whether the portal takes connections."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", config.ports.portal), 1):
        return True
    return False


def fetch(site: Site, path: str) -> tuple[int, str]:
    """Status and body of one GET."""
    connection = HTTPConnection(site.address, site.port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


async def test_the_page_is_served_over_http(site: Site) -> None:
    """The watch's verdicts reach the page through the store; a wrong link is a friendly 404."""
    status, text = await asyncio.to_thread(fetch, site, site.path)
    wrong, refusal = await asyncio.to_thread(fetch, site, site.path + "x")

    assert (status, wrong) == (200, 404)
    assert "We see only part of this home." in text
    assert "There is no page here." in refusal


@pytest.mark.needs("chromedriver")
@pytest.mark.parametrize("width", [320, 390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_page_is_readable_in_a_browser(site: Site, chrome: Chrome, width: int, scheme: str) -> None:
    """No sideways scrolling, text of 19 px or more at 7:1 or more, targets of 44 px, states in words, no errors."""
    words = await readable(chrome, site.link, width, scheme)

    assert all(state in words for state in ("Watched", "Partly watched", "Not seen"))
    assert console(chrome) == []


@pytest.mark.needs("chromedriver")
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_who_looked_is_one_step_away_and_readable(site: Site, chrome: Chrome, scheme: str) -> None:
    """By the link on the page, and back."""
    await asyncio.to_thread(chrome.get, site.link)
    link = await asyncio.to_thread(chrome.find_element, By.PARTIAL_LINK_TEXT, "Who looked")
    address = await asyncio.to_thread(link.get_attribute, "href")
    words = await readable(chrome, str(address), 320, scheme)
    back = await asyncio.to_thread(chrome.find_element, By.PARTIAL_LINK_TEXT, "Back")

    assert "Family, by link (link-" in words
    assert "Looked at activity, alert, climate, health, other, state, upkeep (family)." in words
    assert await asyncio.to_thread(back.get_attribute, "href") == site.link
    assert console(chrome) == []


async def readable(chrome: Chrome, address: str, width: int, scheme: str) -> str:
    """Measure a page; gives its words."""

    def look() -> None:
        use_viewport(chrome, width)
        use_colours(chrome, scheme)
        chrome.get(address)

    await asyncio.to_thread(look)
    measured = {
        name: await asyncio.to_thread(chrome.execute_script, script)
        for name, script in {
            "overflow": "return document.documentElement.scrollWidth - innerWidth",
            "width": "return innerWidth",
            "text": SMALLEST_TEXT,
            "target": SMALLEST_TARGET,
            "contrast": SMALLEST_CONTRAST,
        }.items()
    }

    assert measured["width"] == width
    assert measured["overflow"] <= 0
    assert measured["text"] >= PAGE_TEXT_MIN_PX
    assert measured["target"] >= TARGET_MIN_PX
    assert measured["contrast"] >= CONTRAST_MIN
    main: str = (await asyncio.to_thread(chrome.find_element, By.TAG_NAME, "main")).text
    return main
