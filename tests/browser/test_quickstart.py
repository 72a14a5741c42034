"""The quickstart notebook, opened as the README says and run from top to bottom."""

from __future__ import annotations

import pytest

from tests.browser.lab import Lab, LabPage

pytestmark = pytest.mark.browser


def test_the_quickstart_runs_and_is_saved_without_a_widget(lab: Lab, page: LabPage) -> None:
    assert "demo gateway" in lab.said[0]
    assert "/lab/tree/quickstart.ipynb" in lab.first_address
    page.open("quickstart.ipynb").run_all()
    page.shoot("quickstart-light")
    page.theme("JupyterLab Dark")
    page.shoot("quickstart-dark")
    page.theme("JupyterLab Light")
    page.save()
    page.assert_quiet()
    saved = lab.read("quickstart.ipynb")
    code = [cell for cell in saved.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    outputs = [output for cell in code for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    assert "widget" not in str(outputs)
    assert "widgets" not in saved.metadata
    (table,) = code[1].outputs
    assert set(table.data) == {"text/plain", "text/markdown", "text/html"}
    assert "<table" in table.data["text/html"]


def test_a_saved_notebook_shows_its_replies_without_a_kernel(lab: Lab, page: LabPage) -> None:
    lab.write("shown.ipynb", ["%load_ext portkey_nb", "%%portkey -m demo-fast -m gpt-4o-mini\nSay this is a test"])
    page.open("shown.ipynb").run_all()
    page.save()
    page.open("shown.ipynb")
    page.assert_quiet()
    # From here on JupyterLab complains of the kernel that went.
    page.command("kernelmenu:shutdown")
    shown = page.page.locator(".jp-OutputArea-output").all_inner_texts()
    assert "this is a test" in "".join(shown).lower()
    assert not page.page.locator(".jp-OutputArea .jupyter-widgets, .jp-OutputArea .widget-area").count()
