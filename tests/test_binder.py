"""What mybinder.org runs: the checkout is installed; kernels without a key get the demo gateway, and are told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

BINDER = Path(__file__).parent.parent / "binder"
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Binder's scripts are for Linux; run the tests there")


def started(**environment: str) -> tuple[str, str]:
    """Return the base URL that a kernel would see, and what was said before."""
    command = [str(BINDER / "start"), sys.executable, "-c", "import os; print(os.environ.get('PORTKEY_BASE_URL'))"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env={"PATH": os.environ["PATH"], **environment}
    )
    *said, base_url = done.stdout.splitlines()
    return base_url, "\n".join(said)


def test_without_a_key_kernels_get_the_demo_gateway_and_are_told() -> None:
    base_url, said = started()
    assert base_url == "demo"
    assert "simulated" in said


@pytest.mark.parametrize(
    ("given", "base_url"),
    [({"PORTKEY_API_KEY": "pk-secret"}, "None"), ({"PORTKEY_BASE_URL": "https://gw/v1"}, "https://gw/v1")],
)
def test_a_key_or_a_base_url_is_left_alone(given: dict[str, str], base_url: str) -> None:
    assert started(**given) == (base_url, "")


def test_the_checkout_is_installed_on_a_python_that_fits() -> None:
    assert 'pip install --no-cache-dir ".[lab,gateway]"' in (BINDER / "postBuild").read_text()
    assert os.access(BINDER / "postBuild", os.X_OK)
    environment = yaml.safe_load((BINDER / "environment.yml").read_text())
    assert "python=3.11" in environment["dependencies"]
