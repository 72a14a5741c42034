"""The Config editor: what is typed is what is sent, two faces show one document, and no key stays in a widget."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portkey_nb.gateway.routing import Config
from portkey_nb.gateway.secrecy import secrets_in
from portkey_nb.notebook.panel.config_editor import ConfigEditor
from portkey_nb.notebook.panel.config_text import read, written
from portkey_nb.notebook.panel.keys import Keys
from tests.notebook.widgets import Page, Wire

KEY = "sk-live-4f9a0b7c"
OTHER = "sk-other-77e1"
FORM, JSON, SAVED, NONE = "form", "JSON", "saved in Portkey, or in this notebook", "none"
TEXT = "Config as JSON"


class Shown:
    """An editor and its page."""

    def __init__(self, given: Any = None, names: Mapping[str, Any] | None = None, kind: str = "") -> None:
        self.changes = 0
        self.heard = threading.Event()
        self.editor = ConfigEditor(given, self._changed, lambda: names or {}, kind)
        self.page = Page(self.editor.widget)

    def _changed(self) -> None:
        self.changes += 1
        self.heard.set()

    def way(self, way: str) -> None:
        self.page.choose("Config", way)

    def text(self) -> str:
        return str(self.page.control(TEXT).value)

    def leaks(self, *secrets: str) -> list[str]:
        """What of the editor shows one of these."""
        parts = {
            "states": self.page.states(),
            "trouble": self.editor.trouble,
            "repr": repr(self.editor) + repr(vars(self.editor)) + repr(self.editor.widget),
            "said": self.page.said(),
        }
        return [name for name, shown in parts.items() if any(secret in shown for secret in secrets)]


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    return Wire(monkeypatch)


def sent(value: Any) -> Any:
    """A value as it goes over the wire."""
    return json.loads(value.to_json(reveal=True)) if isinstance(value, Config) else value


# Ways


def test_nothing_is_sent_until_something_is_chosen() -> None:
    shown = Shown()
    assert (shown.editor.value, shown.editor.trouble) == (None, "")
    shown.way(SAVED)
    assert "no config is named" in shown.editor.trouble
    shown.page.type("Saved id", " pc-quality-1a2b ")
    assert (shown.editor.value, shown.editor.trouble) == ("pc-quality-1a2b", "")
    shown.way(NONE)
    assert (shown.editor.value, shown.editor.trouble) == (None, "")
    shown.way(SAVED)
    assert shown.editor.value == "pc-quality-1a2b"
    assert shown.changes == 4


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "no config is named"),
        ("two words", "'two words'"),
        ("pk-abcdef", "looks like a key"),
        ("routs", "choose routes of this notebook"),
        ('{"provider": "openai"}', "choose JSON"),
    ],
)
def test_what_is_no_saved_id_is_said(typed: str, said: str) -> None:
    shown = Shown("pc-good", {"routes": Config(provider="openai")})
    shown.page.type("Saved id", typed)
    assert said in shown.editor.trouble
    assert "\n" not in shown.editor.trouble
    assert said in shown.page.said()
    assert shown.editor.value is None or shown.editor.value == "pc-good"


def test_a_config_of_the_notebook_is_used_as_it_is() -> None:
    names: dict[str, Any] = {"mine": Config(provider="openai", api_key=KEY)}
    shown = Shown(None, names)
    shown.way(SAVED)
    shown.page.choose("Which one", "mine")
    assert shown.editor.value is names["mine"]
    assert "openai (api_key ***)" in shown.page.said()
    names["later"] = Config(provider="ollama")
    shown.page.press("Look again")
    shown.page.choose("Which one", "later")
    assert shown.editor.value is names["later"]
    del names["later"]
    assert "no Config named later any more" in shown.editor.trouble
    assert shown.leaks(KEY) == []
    assert Shown("mine", names).editor.value is names["mine"]


def test_a_saved_id_is_said_to_be_unknown_where_it_is() -> None:
    shown = Shown("pc-good", kind="local")
    assert "the open-source gateway has none" in shown.page.said()
    shown.editor.kind = "demo"
    assert "demo gateway" in shown.page.said()
    shown.editor.kind = "hosted"
    assert "kept by Portkey" not in shown.page.said()


# The form


def test_a_fallback_is_composed_in_the_form() -> None:
    shown = Shown()
    page = shown.page
    shown.way(FORM)
    assert "provider" in shown.editor.trouble
    page.type("Provider of target 1", "openai")
    assert shown.editor.trouble == ""
    page.choose("Strategy", "Fallback")
    page.press("Add a target")
    assert shown.editor.trouble.startswith("config: target 2, provider: name a provider")
    page.type("Provider of target 2", "@spare")
    page.type("Model of target 2", "gpt-4o-mini")
    page.type("Fall back on status codes", "429 503")
    page.type("Retries", "3")
    page.type("Timeout (seconds)", "2.5")
    page.choose("Cache", "simple")
    page.type("Cache for (seconds)", "60")
    page.press("Move target 2 up")
    assert shown.editor.trouble == ""
    assert sent(shown.editor.value) == {
        "strategy": {"mode": "fallback", "on_status_codes": [429, 503]},
        "targets": [{"provider": "@spare", "override_params": {"model": "gpt-4o-mini"}}, {"provider": "openai"}],
        "retry": {"attempts": 3},
        "cache": {"mode": "simple", "max_age": 60},
        "request_timeout": 2500,
    }
    page.press("Remove target 1")
    page.choose("Strategy", "One provider")
    assert sent(shown.editor.value)["provider"] == "openai"


def test_weights_are_asked_for_where_they_count() -> None:
    shown = Shown(Config.loadbalance({"openai": 3, "anthropic": 1}))
    shown.page.type("Weight of target 2", "0.5")
    assert sent(shown.editor.value)["targets"][1] == {"provider": "anthropic", "weight": 0.5}
    shown.page.choose("Strategy", "Fallback")
    assert shown.page.controls("Weight of target 1") == []
    assert "weights count with mode loadbalance alone" in shown.page.said()
    shown.page.choose("Strategy", "Load balance")
    assert shown.page.control("Weight of target 2").value == "0.5"


def test_what_is_wrong_stands_at_its_field_and_the_last_good_one_stays() -> None:
    shown = Shown(Config(provider="openai", request_timeout=1000))
    assert sent(shown.editor.value)["request_timeout"] == 1000
    shown.page.type("Timeout (seconds)", "soon")
    assert shown.editor.trouble == "config: timeout (seconds): 'soon'; give seconds, such as 30 or 0.5"
    assert "'soon'; give seconds" in shown.page.said()
    assert sent(shown.editor.value)["request_timeout"] == 1000
    shown.way(JSON)
    assert '"request_timeout": "soon"' in shown.text()
    assert "request_timeout" in shown.editor.trouble
    shown.way(FORM)
    assert shown.page.control("Timeout (seconds)").value == "soon"
    shown.page.type("Timeout (seconds)", "2")
    assert (shown.editor.trouble, sent(shown.editor.value)["request_timeout"]) == ("", 2000)


def test_a_misspelt_provider_is_doubted_and_not_refused() -> None:
    shown = Shown({"provider": "opnai"})
    assert "did you mean openai?" in shown.page.said()
    assert (shown.editor.trouble, sent(shown.editor.value)) == ("", {"provider": "opnai"})


def test_every_control_has_a_label_of_its_own() -> None:
    shown = Shown(Config.loadbalance({"openai": 3, "anthropic": 1}).with_cache())
    labels = shown.page.labels()
    assert all(labels)
    assert len(set(labels)) == len(labels)


# JSON, and one document with two faces


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ('{"provider": "openai"', "line 1, column 22"),
        ('{\n  "provider": "openai",\n}', "a comma stands before `}` (line 3, column 1)"),
        ("{'provider': 'openai'}", "double quotes (line 1, column 2)"),
        ('{"provider": openai}', "line 1, column 14"),
        ('{"provider": "a", "provider": "b"}', "`provider` stands twice"),
        ('{"weight": NaN}', "NaN"),
        ("[1, 2]", "begins with `{`"),
        ('{"provider": "openai", "retry": {"attempts": 9}}', "`retry.attempts` is 9"),
        ('{"provider": "openai", "retri": {}}', "did you mean `retry`?"),
        ('{"targets": ' + "[" * 50_000, "nested too deeply"),
        ('{"strategy": {"mode": "fallback"}, "targets": ' * 400 + "[]" + "}" * 400, "config"),
        ('{"weight": ' + "1" * 5000 + "}", "too long"),
        ('{"provider": "' + "x" * 1_000_000 + '"}', "characters"),
    ],
)
def test_json_is_checked_while_it_is_typed(text: str, said: str) -> None:
    shown = Shown()
    shown.way(JSON)
    shown.page.type(TEXT, text)
    assert said in shown.editor.trouble
    assert "\n" not in shown.editor.trouble
    assert len(shown.editor.trouble) < 400
    assert shown.editor.value is None
    shown.page.type(TEXT, '{"provider": "openai", "override_params": {"model": "<b>m</b>"}}')
    assert shown.editor.trouble == ""
    assert "openai (model <b>m</b>)" in shown.page.said()


def test_what_has_no_effect_on_the_gateway_is_said() -> None:
    shown = Shown(Config(provider="openai").with_cache(), kind="local")
    assert "`cache` has no effect" in shown.page.said()
    shown.way(JSON)
    assert "`cache` has no effect" in shown.page.said()
    shown.editor.kind = "hosted"
    assert "no effect" not in shown.page.said()


def test_switching_to_and_fro_keeps_the_text_and_the_document() -> None:
    text = '{"retry":  {"attempts": 2, "use_retry_after_headers": true},\n\n "provider": "openai", "custom_host": "https://h/v1"}'
    shown = Shown(text)
    shown.way(FORM)
    assert "1 further key is kept; edit it as JSON: retry.use_retry_after_headers" in shown.page.said()
    shown.way(JSON)
    assert shown.text() == text
    shown.way(FORM)
    shown.page.type("Retries", "4")
    shown.way(NONE)
    shown.way(JSON)
    assert read(shown.text()) == {**read(text), "retry": {"attempts": 4, "use_retry_after_headers": True}}
    assert list(read(shown.text())) == ["retry", "provider", "custom_host"]


def test_a_structure_that_the_form_cannot_show_is_used_as_it_is() -> None:
    config = Config.conditional({"good": {"metadata.plan": {"$eq": "paid"}}}, {"good": "openai"}, default="good")
    shown = Shown(config)
    assert shown.text()
    shown.way(FORM)
    assert "cannot show this Config: it chooses its target by conditions" in shown.page.said()
    assert (sent(shown.editor.value), shown.editor.trouble) == (sent(config), "")
    shown.page.press("Edit as JSON")
    assert read(shown.text()) == sent(config)


def test_json_that_is_not_done_yet_waits_for_the_form() -> None:
    shown = Shown('{"provider": ')
    shown.way(FORM)
    assert "ends too early" in shown.page.said()
    assert "ends too early" in shown.editor.trouble
    shown.way(JSON)
    assert shown.text() == '{"provider": '


# Keys


def test_a_key_in_the_form_leaves_its_field_when_it_is_entered(wire: Wire) -> None:
    shown = Shown({"provider": "openai"})
    control = shown.page.control("Key of target 1")
    assert not control.continuous_update  # a page sends the whole key at once
    control.set_state({"value": f" {KEY} "})
    assert (control.value, shown.changes) == ("***1***", 1)
    assert shown.leaks(KEY) == []
    assert not any(KEY in message for message in wire.sent)
    assert sent(shown.editor.value) == {"provider": "openai", "api_key": KEY}
    assert "kept in this kernel only" in shown.page.said()
    shown.page.type("Key of target 1", "")
    assert sent(shown.editor.value) == {"provider": "openai"}
    shown.page.type("Key of target 1", "***1***")
    assert "no key *** 1 is known here" in shown.editor.trouble


def test_a_key_in_json_leaves_the_text_when_typing_rests(wire: Wire) -> None:
    shown = Shown('{"provider": "openai"}')
    text = f'{{"provider": "openai", "api_key": "{KEY}"}}'
    for length in range(20, len(text) + 1):
        shown.page.type(TEXT, text[:length])
    assert KEY in shown.text()  # not from under the typing hand
    shown.page.until(shown.page.control(TEXT), lambda value: KEY not in value)
    assert shown.text() == '{"provider": "openai", "api_key": "***1***"}'
    assert shown.leaks(KEY) == []
    assert not any(KEY in message for message in wire.sent)
    assert sent(shown.editor.value) == {"provider": "openai", "api_key": KEY}


@pytest.mark.parametrize(
    "text",
    [
        '{"provider": "openai", "api_key": "KEY',
        '{"provider": "openai, "api_key": "KEY"}',
        '{"api_key": KEY, "provider"',
        "{'provider': 'openai', 'api_key': 'KEY'}",
        "api_key: KEY",
        '{"api\\u005fkey": "KEY"}',
        '{"targets": [{"aws_secret_access_key": "KEY"}, {"virtual_key": "KEY",}]',
        '{"headers": {"Authorization": "Bearer KEY"}}',
        '{"api_key": ["KEY", "KEY"]}',
        '{"api_key": "a", "api_key": "KEY"}',
        '{"custom_host": "https://me:KEY@host/v1"}',
        '{"input_guardrails": [{"default.webhook": {"webhookURL": "https://hooks.example/KEY"}}]}',
        '{"vertex_service_account_json": {"private_key": "-----BEGIN\nKEY\n-----END"}}',
    ],
)
def test_a_key_is_taken_out_of_any_text_when_the_value_is_asked_for(text: str, wire: Wire) -> None:
    shown = Shown()
    shown.way(JSON)
    shown.page.type(TEXT, text.replace("KEY", KEY))
    assert KEY not in shown.editor.trouble
    assert KEY not in repr(shown.editor.value)
    assert shown.leaks(KEY) == []
    assert not any(KEY in message for message in wire.sent)


def test_json_with_a_key_that_is_pasted_for_a_saved_id_loses_the_key(wire: Wire) -> None:
    shown = Shown("pc-good")
    control = shown.page.control("Saved id")
    shown.page.type("Saved id", f'{{"provider": "openai", "api_key": "{KEY}"}}')
    assert "choose JSON" in shown.editor.trouble
    shown.page.until(control, lambda value: KEY not in value)
    assert shown.leaks(KEY) == []
    assert not any(KEY in message for message in wire.sent)


def test_keys_given_from_python_are_sent_and_never_shown(wire: Wire) -> None:
    config = Config.fallback(
        {"provider": "openai", "api_key": KEY}, {"provider": "bedrock", "aws_secret_access_key": OTHER}
    )
    shown = Shown(config)
    assert sent(shown.editor.value) == sent(config)
    shown.way(JSON)
    assert sorted(secrets_in(read(shown.text()))) == ["***1***", "***2***"]
    assert sent(shown.editor.value) == sent(config)
    assert shown.leaks(KEY, OTHER) == []
    assert not any(KEY in message or OTHER in message for message in wire.sent)


def test_a_placeholder_may_be_moved_copied_and_deleted() -> None:
    shown = Shown({"provider": "openai", "api_key": KEY})
    shown.way(JSON)
    shown.page.type(TEXT, '{"strategy": {"mode": "fallback"}, "targets": [{"provider": "openai"}]}')
    assert sent(shown.editor.value)["targets"] == [{"provider": "openai"}]
    targets = '[{"provider": "openai", "api_key": "***1***"}, {"provider": "groq", "api_key": "***1***"}]'
    shown.page.type(TEXT, f'{{"strategy": {{"mode": "fallback"}}, "targets": {targets}}}')
    assert [target["api_key"] for target in sent(shown.editor.value)["targets"]] == [KEY, KEY]


def test_typing_on_behind_a_placeholder_makes_the_longer_key() -> None:
    shown = Shown({"provider": "openai", "api_key": KEY[:5]})
    shown.page.type("Key of target 1", f"***1***{KEY[5:]}")
    assert sent(shown.editor.value)["api_key"] == KEY


@pytest.mark.parametrize(
    ("placed", "said"),
    [
        ('"api_key": "***3***"', "no key *** 3 is known here; type it again"),
        ('"api_key": "***3***x"', "type it again"),
        ('"api_key": "***1**"', "what remains of a placeholder"),
        ('"api_key": "***"', "type the key again"),
        ('"override_params": {"user": "***1***"}', "no place for one"),
        ('"custom_host": "https://***9***@host/v1"', "no key *** 9"),
    ],
)
def test_a_placeholder_that_stands_for_nothing_is_trouble(placed: str, said: str) -> None:
    shown = Shown({"provider": "openai", "api_key": KEY})
    before = sent(shown.editor.value)
    shown.way(JSON)
    shown.page.type(TEXT, f'{{"provider": "openai", {placed}}}')
    assert sent(shown.editor.value) == before
    assert said in shown.editor.trouble
    assert shown.leaks(KEY) == []


def test_a_row_that_is_removed_takes_its_key_along() -> None:
    shown = Shown(Config.fallback({"provider": "openai", "api_key": KEY}, {"provider": "groq", "api_key": OTHER}))
    shown.page.press("Remove target 1")
    assert sent(shown.editor.value)["targets"] == [{"provider": "groq", "api_key": OTHER}]
    shown.way(JSON)
    shown.page.type(TEXT, '{"provider": "openai", "api_key": "***1***"}')
    assert "no key *** 1 is known here" in shown.editor.trouble


def test_keys_move_with_their_rows_and_leave_their_fields_first(wire: Wire) -> None:
    shown = Shown(Config.fallback({"provider": "openai", "api_key": KEY}, "groq"))
    shown.page.type("Key of target 2", OTHER)
    shown.page.press("Move target 1 down")
    assert [target["api_key"] for target in sent(shown.editor.value)["targets"]] == [OTHER, KEY]
    assert not any(OTHER in message or KEY in message for message in wire.sent)


def test_closing_takes_the_keys_out_and_forgets_them(wire: Wire) -> None:
    shown = Shown({"provider": "openai"})
    shown.page.type("Key of target 1", KEY)
    controls = list(shown.page.walk(hidden=True))
    shown.editor.close()
    assert not any(KEY in str(getattr(control, "value", "")) for control in controls)
    assert KEY not in repr(vars(shown.editor))
    assert not any(KEY in message for message in wire.sent)


NAMES = st.sampled_from(["api_key", "provider", "Authorization", "aws_region", "custom_host", "webhookURL", "targets"])
VALUES = st.text(st.characters(exclude_characters="*"), max_size=20) | st.sampled_from(["https://me:pw@h/v1", "//a@b"])
DOCUMENTS = st.recursive(
    VALUES | st.none() | st.booleans(),
    lambda inner: st.dictionaries(NAMES, inner, max_size=4) | st.lists(inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.dictionaries(NAMES, DOCUMENTS, max_size=4))
def test_keys_come_back_where_they_were_and_texts_hold_what_documents_do(document: dict[str, Any]) -> None:
    def stripped(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: stripped(item) for name, item in value.items()}
        if isinstance(value, list):
            return [stripped(item) for item in value]
        return value.strip() if isinstance(value, str) else value

    keys = Keys()
    taken = keys.taken(document)
    assert keys.taken(taken) == taken
    assert stripped(plain(keys.filled(taken))) == stripped(document)
    for text in (json.dumps(document), written(document), json.dumps(document, indent=1, ensure_ascii=False)):
        put = keys.taken_text(text)
        assert json.loads(put) == taken
        assert not keys.waiting(put)
        assert keys.waiting(text) == (taken != document)


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.reveal() if hasattr(value, "reveal") else value


@settings(deadline=None)
@given(
    st.text(max_size=200)
    | DOCUMENTS.map(json.dumps).flatmap(lambda text: st.integers(0, len(text)).map(lambda at: text[:at]))
)
def test_taking_keys_out_of_any_text_ends_where_it_is_done(text: str) -> None:
    keys = Keys()
    once = keys.taken_text(text)
    assert keys.taken_text(once) == once
    assert not keys.waiting(once)
