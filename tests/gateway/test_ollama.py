"""Where Ollama is, told to the local gateway and to no other."""

from __future__ import annotations

import pytest

from portkey_nb.gateway.ollama import address, with_address


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("", "http://127.0.0.1:11434"),
        ("127.0.0.1:9999", "http://127.0.0.1:9999"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("https://box.example", "https://box.example:443"),
        ("http://box.example", "http://box.example:80"),
        ("[::1]:8", "http://[::1]:8"),
        ("nonsense:port", "http://127.0.0.1:11434"),
    ],
)
def test_ollamas_own_variable_is_read(monkeypatch: pytest.MonkeyPatch, said: str, found: str) -> None:
    monkeypatch.setenv("OLLAMA_HOST", said)
    assert address() == found


def test_only_ollama_without_an_address_is_given_one() -> None:
    assert with_address({"provider": "ollama"})["custom_host"] == "http://127.0.0.1:11434"
    assert "custom_host" not in with_address({"provider": "openai"})
    assert with_address({"provider": "ollama", "custom_host": "http://127.0.0.1:1"})["custom_host"].endswith(":1")


def test_targets_of_a_config_are_given_one_and_the_config_stays_as_it_is() -> None:
    config = {"targets": [{"provider": "openai", "api_key": "k"}, {"targets": [{"provider": "ollama"}]}]}
    sent = with_address({"config": config})["config"]
    assert sent["targets"][0] == config["targets"][0]
    assert sent["targets"][1]["targets"][0]["custom_host"] == "http://127.0.0.1:11434"
    assert "custom_host" not in config["targets"][1]["targets"][0]
    own = {"custom_host": "http://127.0.0.1:5", "targets": [{"provider": "ollama"}]}
    assert with_address({"config": own})["config"] == own
