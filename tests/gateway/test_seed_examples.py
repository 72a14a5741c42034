"""The Python examples of Portkey's documentation, word for word but for the line that imports the client."""

from __future__ import annotations

import ast
import asyncio
import inspect
from typing import Any

import pytest

from portkey_nb.gateway.demo.server import DemoGateway
from tests.servers import COMPLETION, HELLO, ScriptedServer, streamed, whole

FIRST = """
from portkey_nb import Portkey

# Initialize the Portkey client
portkey = Portkey(
    api_key="PORTKEY_API_KEY",  # Replace with your Portkey API key
    virtual_key="VIRTUAL_KEY"   # Optional: For virtual key management
)

# Generate a chat completion
def get_chat_completion():
    chat_completion = portkey.chat.completions.create(
        messages=[{'role': 'user', 'content': 'Say this is a test'}],
        model='gpt-3.5-turbo'
    )
    print(chat_completion)

get_chat_completion()
"""

SECOND = """
# Example with config parameters
def get_chat_completion_with_config():
    chat_completion = portkey.with_options({'config': 'sample-7g5tr4'}).chat.completions.create(
        messages=[{'role': 'user', 'content': 'Say this is a test'}],
        model='gpt-3.5-turbo'
    )
    print(chat_completion)

get_chat_completion_with_config()
"""

THIRD = """
# Generate a streaming chat completion
async def get_chat_completion_stream():
    chat_completion_stream = portkey.chat.completions.create(
        messages=[{'role': 'user', 'content': 'Say this is a test'}],
        model='gpt-3.5-turbo',
        stream=True
    )

    for chunk in chat_completion_stream:
        print(chunk.choices[0].delta)

await get_chat_completion_stream()
"""

BODY = {"messages": [{"role": "user", "content": "Say this is a test"}], "model": "gpt-3.5-turbo"}


async def _run(*cells: str) -> None:
    """Run cells as a notebook does, where ``await`` may stand at the top."""
    names: dict[str, Any] = {}
    for cell in cells:
        code = compile(cell, "<cell>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        # Running what the documentation says is the point of this test.
        result = eval(code, names)
        if inspect.isawaitable(result):
            await result
    names["portkey"].close()


def test_the_examples_against_a_bare_server(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with ScriptedServer(whole(COMPLETION), whole(COMPLETION), streamed(*HELLO)) as server:
        monkeypatch.setenv("PORTKEY_BASE_URL", server.url)
        asyncio.run(_run(FIRST, SECOND, THIRD))
        first, second, third = server.requests
    assert first.json == second.json == BODY
    assert third.json == {**BODY, "stream": True}
    assert first.headers["x-portkey-api-key"] == "PORTKEY_API_KEY"
    assert first.headers["x-portkey-virtual-key"] == "VIRTUAL_KEY"
    assert "x-portkey-config" not in first.headers
    assert second.headers["x-portkey-config"] == "sample-7g5tr4"
    assert "x-portkey-config" not in third.headers
    printed = capsys.readouterr().out
    assert printed.count('"content": "Hello"') == 2
    assert '"content": "Hel"' in printed


def test_the_examples_against_the_demo_gateway(
    demo: DemoGateway, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PORTKEY_BASE_URL", demo.base_url)
    asyncio.run(_run(FIRST, SECOND, THIRD))
    assert "test" in capsys.readouterr().out
