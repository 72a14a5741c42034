"""What a panel shows of a conversation: each message is made ready once."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

from portkey_nb.gateway.conversation import Conversation, Turn
from portkey_nb.notebook.panel.scene import Scene, State
from tests.engine.runs_of import done
from tests.notebook.panel_page import PNG


def picture(scene: Scene, state: State) -> Any:
    entries, _ = scene.make(state)
    return entries[0]["images"][0]["src"]


def test_an_image_is_decoded_once_for_all_paintings() -> None:
    url = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    asked = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}
    state = State(title="draft", conversation=Conversation("c").rewritten([asked]), runs={})
    scene = Scene()
    first = picture(scene, state)
    assert first == url
    assert picture(scene, replace(state, title="another")) is first
    edited = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.org/cat.png"}}]}
    assert picture(scene, replace(state, conversation=Conversation("c").rewritten([edited]))) is None


def test_the_bar_says_whether_the_demo_gateway_gave_the_last_answer() -> None:
    talk, runs = Conversation("c"), {}
    state = State(title="draft", conversation=talk, runs=runs)
    assert Scene().make(state)[1]["demo"] is False
    assert Scene().make(replace(state, demo=True))[1]["demo"] is True
    for demo in (True, False):
        run = done(demo=demo)
        said = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]
        talk, runs = talk.append(Turn.new(said, run_id=run.run_id)), {**runs, run.run_id: run}
        assert Scene().make(replace(state, conversation=talk, runs=runs, demo=not demo))[1]["demo"] is demo
