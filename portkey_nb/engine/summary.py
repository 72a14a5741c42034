"""The footer of a reply in words, and replies as mime bundles: runs in, text and HTML out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from portkey_nb.engine.record import Run, whole
from portkey_nb.engine.rounds import Step
from portkey_nb.gateway.outline import target_name, target_place
from portkey_nb.views import quantities
from portkey_nb.views import steps as views
from portkey_nb.views.columns import Column, bundle

if TYPE_CHECKING:
    from portkey_nb.engine.reply import Reply


def money(cost_usd: float | None) -> str:
    """Write a cost in US dollars with as many digits as tell something.

    Examples
    --------
    >>> money(0.000123), money(1.5), money(0.0), money(None)
    ('$0.00012', '$1.50', '$0.00', 'cost n/a')
    """
    return "cost n/a" if cost_usd is None else quantities.money(cost_usd)


def facts(run: Run, requests: int = 1) -> list[str]:
    """Return what a footer says of a run: model, requests where there were several, tokens, cost, times."""
    parts = [answering(run)]
    if run.demo:
        parts[0] += " (demo)"
    if requests > 1:
        parts.append(f"{requests} requests")
    if run.input_tokens is not None or run.output_tokens is not None:
        about = "~" if run.tokens_estimated else ""
        given, got = (about + f"{n:,}" if n is not None else "?" for n in (run.input_tokens, run.output_tokens))
        thought = f" ({run.reasoning_tokens:,} reasoning)" if run.reasoning_tokens else ""
        parts.append(f"{given} → {got} tokens{thought}")
    elif run.status != "error":
        parts.append("tokens n/a")
    if run.status != "error" or run.cost_usd is not None:
        parts.append(money(run.cost_usd))
    if run.ttft_s is not None:
        parts.append(f"first token {quantities.seconds(run.ttft_s)}")
    if run.latency_s is not None:
        took = quantities.seconds(run.latency_s)
        parts.append(took if run.ttft_s is None else f"total {took}")
    return [part for part in parts if part]


def answering(run: Run, label: str | None = None) -> str:
    """Return the model that was asked, and that which answered where it is another one; empty where neither is known.

    Parameters
    ----------
    run : Run
    label : str, optional
        What the model that was asked is called; its name by default.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> run = Run(run_id="r", started_at=datetime.now(UTC), model="gpt-4o", model_response="claude-sonnet-4-5")
    >>> answering(run)
    'gpt-4o → claude-sonnet-4-5'
    """
    asked, answered = label or run.model, run.model_response
    if not asked or not answered or answered == asked or _same_model(run.model or asked, answered):
        return asked or answered or ""
    return f"{asked} → {answered}"


def _same_model(asked: str, answered: str) -> bool:
    """Tell whether an answered name only spells out the asked one (a dated snapshot, a catalogue prefix)."""
    bare = asked.rpartition("/")[2] if asked.startswith("@") else asked
    return answered == bare or answered.startswith(f"{bare}-20")


def oddities(run: Run) -> list[str]:
    """Return what was out of the ordinary: retried, fallback, cached, truncated, incomplete, interrupted."""
    odd = []
    hit = run.gateway_cache in ("HIT", "SEMANTIC HIT")
    if run.cached:
        # What the local cache answers is never sent.
        local = "replayed, nothing paid" if run.attempts else "from the local cache, nothing paid"
        odd.append("gateway cache hit, nothing paid" if hit else local)
    if run.attempts is not None and run.attempts > 1:
        odd.append(f"{run.attempts} attempts")
    if run.gateway_target not in (None, "", "config"):
        odd.append(_target(run))
    if run.gateway_retries:
        odd.append(_retries(run.gateway_retries))
    if run.finish_reason == "length":
        odd.append("cut at the token limit")
    elif run.finish_reason == "content_filter":
        odd.append("stopped by a content filter")
    if run.status in ("interrupted", "incomplete"):
        odd.append(run.status)
    for name, what in (run.dropped_params or {}).items():
        odd.append(f"`{name}` {what}")
    return odd


def _target(run: Run) -> str:
    """Say which of a Config's targets answered."""
    try:
        config = json.loads(run.config or "")
    except ValueError:
        config = None  # a saved one, known to Portkey alone
    place = target_place(config, run.gateway_target)
    if place is None:
        return f"answered by {run.gateway_target}"
    did = "answered by" if run.status != "error" else "last asked:"
    return f"{did} {target_name(config, run.gateway_target)}, target {place[0]} of {place[1]}"


def _retries(count: int) -> str:
    if count < 0:
        return "gateway retries exhausted"
    return f"after {count + 1} tries by the gateway"


def footer(run: Run, earlier: Sequence[Run] = ()) -> str:
    """Return the one line under a reply."""
    odd = dict.fromkeys(said for one in (*earlier, run) for said in oddities(one))
    return " · ".join([*facts(whole(run, earlier), 1 + len(earlier)), *odd])


def column(
    label: str, run: Run, *, steps: Sequence[Step] = (), earlier: Sequence[Run] = (), as_json: bool = False
) -> Column:
    """Return a run as a column to be shown beside others.

    Parameters
    ----------
    label : str
    run : Run
    steps : sequence of Step
        What happened before the answer.
    earlier : sequence of Run
        The requests before this one.
    as_json : bool
        Whether the answer is JSON, to be shown as such.
    """
    return Column(
        label=label,
        text=_as_json(run.text or "") if as_json else run.text or "",
        plain=run.text or "",
        footer=footer(run, earlier),
        error=run.error if run.status in ("error", "incomplete") else None,
        reasoning="\n\n".join(one.reasoning for one in (*earlier, run) if one.reasoning),
        steps=[shown_step(step) for step in steps],
    )


_FENCED = re.compile(r"(?<=```json\n)(.*)(?=\n```\Z)", re.DOTALL)


def _as_json(text: str) -> str:
    """Return an answer that is JSON, or ends in a fenced block of it, as a block that is easy to read."""
    if "```" in text:
        return _FENCED.sub(lambda found: _indented(found[1]), text)
    return f"```json\n{_indented(text)}\n```"


def _indented(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text


def shown_step(step: Step) -> views.Step:
    """Return a step as it is shown."""
    result = step.result
    if result is None:
        return views.Step(text=step.text)
    given = result.arguments
    arguments = "…" if given is None else ", ".join(f"{name}={value!r}" for name, value in given.items())
    return views.Step(
        name=result.name,
        arguments=arguments,
        result=result.text if result.error is None else result.error,
        failed=result.error is not None,
        seconds=result.seconds,
    )


def reply_column(label: str, reply: Reply) -> Column:
    """Return a reply as a column to be shown beside others."""
    as_json = reply.parsed is not None
    return column(label, reply.run, steps=reply.steps, earlier=reply.earlier, as_json=as_json)


def reply_bundle(reply: Reply) -> dict[str, str]:
    """Return one reply as text/plain, text/markdown and text/html."""
    return bundle([reply_column(reply.run.model or "reply", reply)])


def replies_bundle(replies: Mapping[str, Reply]) -> dict[str, str]:
    """Return replies side by side as text/plain, text/markdown and text/html."""
    return bundle([reply_column(label, reply) for label, reply in replies.items()])
