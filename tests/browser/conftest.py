"""One JupyterLab and one Chromium for the session, or the reason why there is none."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import pytest

from tests.browser import lab as rooms
from tests.browser.lab import CHROMIUM, Lab, LabPage, NotebookPage
from tests.conftest import REQUIRE_ALL

REMEDY = "run: pip install -e '.[browser]'"


def missing(what: str, remedy: str) -> NoReturn:
    """Skip for want of something, or fail where nothing may be skipped."""
    reason = f"{what} is not installed; {remedy}"
    if os.environ.get(REQUIRE_ALL) == "1":
        pytest.fail(reason)
    pytest.skip(f"{reason} ({REQUIRE_ALL}=1 makes this a failure)")


def need(module: str, name: str) -> None:
    """Skip, or fail, where a Python package is missing."""
    if importlib.util.find_spec(module) is None:
        missing(name, REMEDY)


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    need("playwright", "Playwright")
    need("jupyterlab", "JupyterLab")
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        missing("Chromium", f"Debian: apt-get install chromium, and {REMEDY}")
    from playwright.sync_api import sync_playwright  # an extra of the tests

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def lab(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Run ``portkey-nb lab`` once; without a browser there is nothing to run it for."""
    with Lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture
def page(lab: Lab, browser: Any) -> Iterator[LabPage]:
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    yield LabPage(lab, context.new_page())
    context.close()


@pytest.fixture(scope="package")
def notebook_server(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Run ``portkey-nb lab`` once more, for Notebook 7, which it serves as well where that is installed.

    Not the same process: the server remembers files by name alone, so that fonts that one face has loaded are then
    refused to the other.
    """
    need("notebook", "Notebook 7")
    with Lab(tmp_path_factory.mktemp("notebook")) as lab:
        yield lab


@pytest.fixture
def notebook_page(notebook_server: Lab, browser: Any) -> Iterator[NotebookPage]:
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    yield NotebookPage(notebook_server, context.new_page())
    context.close()


@pytest.fixture
def violations() -> Callable[[Any, str], list[str]]:
    """Give the accessibility check of a part of a page."""
    need("axe_playwright_python", "axe-playwright-python")
    return rooms.violations
