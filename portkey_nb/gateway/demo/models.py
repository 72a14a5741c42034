"""The simulated models: who serves them, how fast they are, what they cost and what they are bad at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["FAULTS", "MODELS", "PRICES", "DemoModel", "Style", "find_model", "listed_models"]

Style = Literal["balanced", "short", "terse", "structured", "bullets", "rambling"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoModel:
    """One simulated model.

    Attributes
    ----------
    name, provider : str
        As in the request and in ``x-portkey-provider``.
    first_token_s : float
        Usual time to the first token, in seconds.
    tokens_per_s : float
        Usual speed of a stream; infinite for a model without any delay.
    style : str
        How it words an answer.
    weak_at : frozenset of str
        Subjects that it gets wrong: ``"arithmetic"`` (more than one step), ``"recent"`` (anything of the last years).
    fault : str or None
        How it misbehaves; None for a sound model.
    about : str
        One sentence for people.
    """

    name: str
    provider: str
    first_token_s: float = 0.25
    tokens_per_s: float = 90.0
    style: Style = "balanced"
    weak_at: frozenset[str] = frozenset()
    fault: str | None = None
    about: str = ""


MODELS: Mapping[str, DemoModel] = {
    model.name: model
    for model in (
        DemoModel(
            name="gpt-4o",
            provider="openai",
            first_token_s=0.35,
            tokens_per_s=95.0,
            about="Even-handed: full sentences, right sums, middling price.",
        ),
        DemoModel(
            name="gpt-4o-mini",
            provider="openai",
            first_token_s=0.22,
            tokens_per_s=140.0,
            style="short",
            about="Short answers, quick and cheap.",
        ),
        DemoModel(
            name="gpt-3.5-turbo",
            provider="openai",
            first_token_s=0.18,
            tokens_per_s=120.0,
            style="terse",
            weak_at=frozenset({"recent"}),
            about="Terse and dated: knows nothing of the last years.",
        ),
        DemoModel(
            name="claude-sonnet",
            provider="anthropic",
            first_token_s=0.55,
            tokens_per_s=75.0,
            style="structured",
            about="Careful and structured: headings, steps and a closing remark; the dearest.",
        ),
        DemoModel(
            name="gemini-flash",
            provider="google",
            first_token_s=0.12,
            tokens_per_s=200.0,
            style="bullets",
            about="The fastest: bullet points.",
        ),
        DemoModel(
            name="llama-local",
            provider="ollama",
            first_token_s=0.6,
            tokens_per_s=42.0,
            style="rambling",
            weak_at=frozenset({"arithmetic"}),
            about="Free, slow and talkative; gets sums of several steps wrong.",
        ),
    )
}
"""The models that the demo gateway is for, by name."""

FAULTS: Mapping[str, str] = {
    "demo-slow": "Sends nothing for 5 seconds, then answers.",
    "demo-stall": "Sends a few chunks, then keeps silent with the connection open.",
    "demo-break": "Cuts the connection in the middle of the answer.",
    "demo-429": "Always answers 429 with retry-after: 1.",
    "demo-500": "Always answers 500.",
    "demo-malformed": "Sends something in the middle that is no JSON.",
    "demo-flaky": "Fails with 500 on the first try of a request and answers the second.",
    "demo-noend": "Ends the stream without finish_reason and [DONE].",
    "demo-error200": "Answers 200 with an error as its body.",
}
"""Fault model -> what it does."""

_INSTANT = DemoModel(
    name="demo-fast", provider="demo", first_token_s=0.0, tokens_per_s=float("inf"), about="Answers without any delay."
)

PRICES: dict[str, dict[str, float]] = {
    "gpt-4o": {"input": 2.50, "output": 10.00, "cached": 1.25},
    "gpt-4o-mini": {"input": 0.15, "output": 0.60, "cached": 0.075},
    "gpt-3.5-turbo": {"input": 0.50, "output": 1.50, "cached": 0.50},
    "claude-sonnet": {"input": 3.00, "output": 15.00, "cached": 0.30},
    "gemini-flash": {"input": 0.10, "output": 0.40, "cached": 0.025},
    "llama-local": {"input": 0.0, "output": 0.0, "cached": 0.0},
    **{name: {"input": 0.15, "output": 0.60, "cached": 0.075} for name in (_INSTANT.name, *FAULTS)},
}
"""Model -> play money, USD per million tokens."""


def find_model(name: str, provider: str | None = None) -> DemoModel:
    """Return the simulated model of a name; an unknown name is served by a generic one.

    Parameters
    ----------
    name : str
        A model's name, of any kind.
    provider : str, optional
        Who serves a name that is not known here; guessed from the name by default.
    """
    if name in MODELS:
        return MODELS[name]
    if name == _INSTANT.name:
        return _INSTANT
    if name in FAULTS:
        return DemoModel(name=name, provider="demo", first_token_s=0.2, fault=name, about=FAULTS[name])
    return DemoModel(name=name, provider=provider or _guess_provider(name), about="Generic.")


def listed_models() -> list[DemoModel]:
    """Return every model that ``GET /v1/models`` names, the sound ones first."""
    return [*MODELS.values(), _INSTANT, *(find_model(name) for name in FAULTS)]


def _guess_provider(name: str) -> str:
    lowered = name.lower()
    for start, provider in (
        ("claude", "anthropic"),
        ("gemini", "google"),
        ("llama", "ollama"),
        ("mistral", "mistral-ai"),
    ):
        if lowered.startswith(start):
            return provider
    return "openai"
