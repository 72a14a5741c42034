"""What ``--dry-run`` shows: the request as it would be sent, and what it would about cost; nothing is sent."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from portkey_nb.engine.call import Call
from portkey_nb.engine.conclusion import demo_prices, estimated_tokens
from portkey_nb.engine.connections import client_for
from portkey_nb.engine.cost import UsageParts, price_call
from portkey_nb.engine.foresight import foresee
from portkey_nb.engine.normalize import content_text
from portkey_nb.engine.summary import money
from portkey_nb.gateway.secrecy import redact
from portkey_nb.settings import load

_SHOWN = 60
"""Characters of an image's data that are shown."""


def preview(plan: Any) -> None:
    """Print the calls of a plan."""
    times = Counter(describe(call) for call in plan.calls)
    for text, count in times.items():
        print(text if count == 1 else f"{count} times:\n{text}")  # noqa: T201 (the preview is what was asked for)


def preview_template(
    base_url: str | None, client_options: Mapping[str, Any], prompt_id: str, variables: Mapping[str, Any]
) -> None:
    """Print the request that would render a template; its messages are known to Portkey alone."""
    client = client_for(base_url, client_options)
    lines = [
        f"would POST {client.base_url}/prompts/{prompt_id}/render (dry run, nothing was sent)",
        json.dumps({"variables": dict(variables)}, indent=2, ensure_ascii=False, default=str),
        "then the messages that come back, to the model that the template or -m names",
    ]
    print("\n".join(lines))  # noqa: T201 (the preview is what was asked for)


def describe(call: Call) -> str:
    """Return one call as text: where it would go, its body, and an estimate of its cost."""
    client = client_for(call.base_url, call.options)
    sight = foresee(call, client)
    body: dict[str, Any] = {"model": call.model, "messages": _without_data(call.messages), **sight.params}
    if call.stream:
        body["stream"] = True
    options = {name: value for name, value in redact(client._options).items() if value is not None}
    if isinstance(options.get("config"), dict):
        options["config"] = redact(options["config"])
    tokens = max(1, estimated_tokens(*(content_text(message.get("content")) for message in call.messages)))
    usage = UsageParts(tokens, 0, None, None, None)
    demo = client.base_url == "demo"
    priced = price_call(
        call.model,
        None,
        usage,
        demo=demo,
        at=datetime.now(UTC),
        user_prices=load().prices,
        demo_prices=demo_prices(demo=demo),
    )
    cost = "price unknown" if priced.cost_usd is None else f"about {money(priced.cost_usd)} for the input"
    return "\n".join(
        [
            f"would POST {client.base_url}/chat/completions (dry run, nothing was sent)",
            f"options: {json.dumps(options, default=str, ensure_ascii=False)}",
            json.dumps(body, indent=2, ensure_ascii=False, default=str),
            f"about {tokens:,} input tokens{' beside the images' if _has_images(call.messages) else ''}; {cost}",
            *sight.sentences,
        ]
    )


def _has_images(messages: list[dict[str, Any]]) -> bool:
    return any("image_url" in part for message in messages for part in _parts(message))


def _parts(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message.get("content")
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []


def _without_data(value: Any) -> Any:
    """Return messages in which the bytes of images are but counted."""
    if isinstance(value, str) and value.startswith("data:") and len(value) > _SHOWN:
        return f"{value[:_SHOWN]}… ({len(value):,} characters)"
    if isinstance(value, dict):
        return {name: _without_data(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_data(item) for item in value]
    return value
