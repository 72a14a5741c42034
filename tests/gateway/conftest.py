"""Fixtures of the gateway's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.gateway.sides import Asynchronous, Blocking, Side


@pytest.fixture(params=[Blocking, Asynchronous], ids=["sync", "async"])
def side(request: pytest.FixtureRequest) -> Iterator[Side]:
    """Give the blocking client, then the asynchronous one."""
    with request.param() as made:
        yield made
