"""What journeys in a real browser share."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browsers import Window, chromium
from tests.server import Server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return this module's browser."""
    with chromium() as opened:
        yield opened


@pytest.fixture
def window(browser: Browser, server: Server) -> Iterator[Window]:
    """Return a window in which nothing may go wrong."""
    with Window(browser, server) as opened:
        yield opened
