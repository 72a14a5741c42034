"""A comparison in JupyterLab: its table, differences and plots as they were saved, in both themes."""

from __future__ import annotations

import pytest

from tests.browser.lab import Lab, LabPage
from tests.browser.test_looks import in_both_themes

pytestmark = pytest.mark.browser


def test_the_notebook_of_comparisons_shows_tables_and_plots(lab: Lab, page: LabPage) -> None:
    page.open("compare-models.ipynb")
    page.page.wait_for_function("document.body.textContent.includes('70 runs')")
    in_both_themes(page, "comparison", 7000)
    text = page.page.locator(".jp-Notebook").inner_text()
    assert "▲ best" in text
    assert "▼ worst" in text
    assert page.page.locator(".jp-OutputArea-output img").count() == 2
    page.assert_quiet()


def test_a_wide_comparison_scrolls_inside_its_own_box(lab: Lab, page: LabPage) -> None:
    page.page.set_viewport_size({"width": 700, "height": 1000})
    page.open("compare-models.ipynb")
    page.page.wait_for_function("document.body.textContent.includes('70 runs')")
    page.shoot("comparison-narrow", 3000)
    output = page.page.locator(".jp-OutputArea-output", has_text="70 runs").first
    assert output.evaluate("output => output.scrollWidth <= output.clientWidth + 1")
