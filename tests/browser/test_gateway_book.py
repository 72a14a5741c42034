"""The notebook of the gateway as it opens, in both themes, without being run."""

from __future__ import annotations

import pytest

from tests.browser.lab import Lab, LabPage
from tests.browser.test_looks import assert_nothing_sticks_out, in_both_themes

pytestmark = pytest.mark.browser


def test_the_committed_outputs_show_as_they_were(lab: Lab, page: LabPage) -> None:
    page.open("gateway-and-configs.ipynb")
    page.page.wait_for_function("document.body.textContent.includes('answered by spare, target 2 of 2')")
    in_both_themes(page, "gateway", 5200)
    text = page.page.locator(".jp-Notebook").inner_text()
    assert "answered by paid, target 1 of 2" in text
    assert "api_key ***" in text
    assert_nothing_sticks_out(page)
    page.assert_quiet()
