"""Where key, base URL and defaults come from, and which of several counts."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from portkey_nb import AsyncPortkey, Portkey
from portkey_nb.errors import SettingsError
from portkey_nb.settings import HOSTED, LOCAL, load, login, logout, user_file
from tests.gateway.sides import MESSAGES
from tests.servers import ScriptedServer


@pytest.fixture(autouse=True)
def _forget_logins() -> object:
    yield
    logout()


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_argument_environment_dotenv_login_project_user_hosted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take one source away after the other, and see the next one count."""
    _write(user_file(), 'base_url = "http://user.example/v1"\nmodel = "user-model"\n')
    _write(Path("pyproject.toml"), '[tool.portkey_nb]\nbase_url = "http://project.example/v1/"\n')
    _write(Path(".env"), "PORTKEY_BASE_URL=http://dotenv.example/v1\n")
    monkeypatch.setenv("PORTKEY_BASE_URL", "http://environment.example/v1")

    def used(**given: str) -> str:
        with Portkey(api_key="k", **given) as client:  # type: ignore[arg-type]
            return client.base_url

    assert used(base_url="http://argument.example/v1") == "http://argument.example/v1"
    assert used() == "http://environment.example/v1"
    assert load().sources["base_url"] == "environment"
    monkeypatch.delenv("PORTKEY_BASE_URL")
    assert used() == "http://dotenv.example/v1"
    Path(".env").unlink()
    assert used() == "http://project.example/v1"
    Path("pyproject.toml").unlink()
    assert used() == "http://user.example/v1"
    assert load().model == "user-model"
    user_file().unlink()
    assert used() == HOSTED == "https://api.portkey.ai/v1"


def test_files_are_found_above_the_working_folder_and_read_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    _write(Path(".env"), "PORTKEY_MODEL=one\n# a note\nexport PORTKEY_PROVIDER='openai'\n")
    deep = Path("a/b")
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    assert (load().model, load().provider) == ("one", "openai")
    _write(Path("../../.env"), "PORTKEY_MODEL=two-changed\n")
    assert load().model == "two-changed"
    monkeypatch.setenv("PORTKEY_MODEL", "")
    assert load().model == "two-changed", "an empty variable is none"


def test_no_key_and_no_base_url_names_the_three_ways() -> None:
    for kind in (Portkey, AsyncPortkey):
        with pytest.raises(SettingsError) as caught:
            kind()
        for way in ("%portkey login", "PORTKEY_API_KEY", "PORTKEY_BASE_URL", "demo"):
            assert way in caught.value.message
        assert "\n" not in caught.value.message


@pytest.mark.parametrize("with_what", [{"api_key": "k"}, {"Authorization": "k"}])
def test_a_key_alone_means_the_hosted_gateway(with_what: dict[str, str]) -> None:
    with Portkey(**with_what) as client:  # type: ignore[arg-type]
        assert client.base_url == HOSTED


def test_the_words_local_and_demo() -> None:
    with Portkey(base_url="local") as client:
        assert client.base_url == LOCAL == "http://127.0.0.1:8787/v1"
    with Portkey(base_url="demo") as client:
        assert client.base_url == "demo"
        answer = client.chat.completions.create(messages=MESSAGES, model="gpt-4o")
        assert answer.choices[0].message.content
        assert answer.response_headers["server"] == "portkey_nb-demo"
        assert len(client.models.list()) > 5


def test_the_demo_gets_nothing_of_the_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTKEY_API_KEY", "pk-real")
    monkeypatch.setenv("PORTKEY_CONFIG", "pc-real")
    with Portkey(base_url=" demo ") as client:
        assert "pk-real" not in client._chat(MESSAGES, "m", False, None, None, {}).headers.values()
        assert "config" not in client._options


def test_routes_come_from_the_settings_unless_one_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTKEY_PROVIDER", "openai")
    monkeypatch.setenv("PORTKEY_VIRTUAL_KEY", "vk-1")
    monkeypatch.setenv("PORTKEY_CONFIG", '{"retry": {"attempts": 1}}')
    with ScriptedServer() as server:
        monkeypatch.setenv("PORTKEY_BASE_URL", server.url)
        with Portkey() as client:
            client.chat.completions.create(messages=MESSAGES, model="m")
        with Portkey(provider="anthropic") as client:
            client.chat.completions.create(messages=MESSAGES, model="m")
        first, second = (seen.headers for seen in server.requests)
    assert (first["x-portkey-provider"], first["x-portkey-virtual-key"]) == ("openai", "vk-1")
    assert first["x-portkey-config"] == '{"retry":{"attempts":1}}'
    assert second["x-portkey-provider"] == "anthropic"
    assert "x-portkey-config" not in second
    assert "x-portkey-virtual-key" not in second


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "'nonsense'"),
        ("ftp://x/v1", "'ftp://x/v1'"),
        ("https://", "no address"),
        ("https://me:pw@host/v1", "user name or password"),
    ],
)
def test_what_is_no_base_url(url: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said) as caught:
        Portkey(base_url=url)
    assert "pw" not in caught.value.message


def test_login_lasts_as_long_as_the_process_and_is_kept_on_request() -> None:
    assert login("  pk-typed\n") is None
    key = load().api_key
    assert key is not None
    assert key.reveal() == "pk-typed"
    _write(user_file(), 'model = "m"\napi_key = "old"\n\n[prices."my/model"]\ninput = 1.0\n')
    saved = login('pk-"new"', save=True)
    assert saved == user_file()
    assert stat.S_IMODE(os.stat(saved).st_mode) == 0o600
    logout()
    settings = load()
    assert settings.api_key is not None
    assert settings.api_key.reveal() == 'pk-"new"'
    assert settings.model == "m"
    assert settings.prices == {"my/model": {"input": 1.0}}
    logout()


@pytest.mark.parametrize("typed", ["", "  ", "ключ", "a\x00b"])
def test_a_key_that_cannot_be_one(typed: str) -> None:
    with pytest.raises(SettingsError, match="key"):
        login(typed)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("pyproject.toml", '[tool.portkey_nb]\napi_key = "sk-real"\n', "does not belong"),
        ("pyproject.toml", '[tool.portkey_nb]\nbase_uri = "x"\n', "did you mean `base_url`"),
        ("pyproject.toml", "[tool.portkey_nb]\nmodel = 5\n", "`model`"),
        ("pyproject.toml", "[tool.portkey_nb\n", "cannot be read"),
    ],
)
def test_a_file_that_is_wrong_is_named(name: str, text: str, said: str) -> None:
    _write(Path(name), text)
    with pytest.raises(SettingsError, match=said) as caught:
        load()
    assert name in caught.value.message
    assert "sk-real" not in caught.value.message


def test_the_password_of_the_log_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTKEY_NB_STORE", "postgresql://me:hunter2@host/db")
    settings = load()
    assert settings.store == "postgresql://me:hunter2@host/db"
    assert "hunter2" not in repr(settings)


def test_other_peoples_pyproject_is_no_trouble() -> None:
    _write(Path("pyproject.toml"), "[tool.other]\nx = 1\n")
    assert load().base_url is None
