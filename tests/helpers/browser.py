"""A real browser, headless, with nothing remembered and nothing fetched in the background."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.remote.command import Command

DRIVER = "/usr/bin/chromedriver"

_ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",  # the tests may run as root
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def browser(user_data: Path) -> Iterator[Chrome]:
    """Chromium with a fresh profile in ``user_data``; ended, with all its children, on leaving."""
    options = ChromeOptions()
    for argument in (*_ARGUMENTS, f"--user-data-dir={user_data}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options=options, service=Service(DRIVER))
    try:
        yield driver
    finally:
        driver.quit()


def use_viewport(driver: Chrome, width: int, height: int = 900) -> None:
    """Let pages believe in a screen of this size, however wide the window may be."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def use_colours(driver: Chrome, scheme: str) -> None:
    """Prefer ``light`` or ``dark``."""
    driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )


def console(driver: Chrome) -> list[dict[str, Any]]:
    """What the page made the console say since the last call."""
    entries: list[dict[str, Any]] = driver.execute(Command.GET_LOG, {"type": "browser"})["value"]
    return entries
