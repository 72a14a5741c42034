"""What only hosted Portkey has, to be learned without a key: prompt templates, feedback and saved configs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from portkey_nb.gateway.demo.chance import fingerprint
from portkey_nb.gateway.demo.completions import ChatCompletions
from portkey_nb.gateway.demo.config import SAMPLE_CONFIGS
from portkey_nb.gateway.demo.handling import Handler
from portkey_nb.gateway.demo.prompts import TEMPLATES, Template, rendered
from portkey_nb.gateway.demo.wire import Refusal, gateway_error

__all__ = ["Configs", "Feedback", "PromptCompletions", "PromptRender", "Prompts"]

_CREATED = "2026-01-01T00:00:00Z"


def _template(slug: str) -> Template:
    # “@3” and “@latest” name a version, and there is only one here.
    template = TEMPLATES.get(slug.partition("@")[0])
    if template is None:
        known = ", ".join(TEMPLATES)
        raise Refusal(404, gateway_error(f"Prompt '{slug[:60]}' not found; the demo gateway has {known}"))
    return template


def _filled(slug: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of the chat completion that a template and its variables make; what is sent beside them wins."""
    template = _template(slug)
    variables = body.get("variables")
    if variables is None:
        variables = {}
    if not isinstance(variables, dict):
        kind = type(variables).__name__
        raise Refusal(400, gateway_error(f"Invalid variables passed: expected an object, received {kind}"))
    given = {name: value for name, value in body.items() if name not in ("variables", "messages")}
    return {**rendered(template, variables), **given}


class PromptRender(Handler):
    """Renders a prompt template without asking a model."""

    def post(self, slug: str) -> None:
        """Answer with the request that the template makes."""
        try:
            self.check_key()
            body = _filled(slug, self.read_json("portkey"))
        except Refusal as refusal:
            self.answer_json(refusal.status, refusal.body)
            return
        self.answer_json(200, {"success": True, "data": body})


class PromptCompletions(ChatCompletions):
    """Renders a prompt template and asks its model."""

    def asked_body(self, provider: str) -> dict[str, Any]:
        """Return the body of the chat completion that the template makes."""
        return _filled(self.path_args[0], self.read_json(provider))


class Prompts(Handler):
    """Lists the prompt templates."""

    def get(self) -> None:
        """Answer with one entry for each."""
        data = [
            {
                "id": fingerprint(template.slug)[:32],
                "slug": template.slug,
                "name": template.name,
                "model": template.model,
                "status": "active",
                "created_at": _CREATED,
                "object": "prompt",
            }
            for template in TEMPLATES.values()
        ]
        _list(self, data)


class Configs(Handler):
    """Lists the saved Configs: the one of Portkey's own examples."""

    def get(self) -> None:
        """Answer with one entry for each."""
        data = [
            {
                "id": fingerprint(slug)[:32],
                "name": "The sample of Portkey's examples",
                "slug": slug,
                "is_default": 0,
                "status": "active",
                "created_at": _CREATED,
                "last_updated_at": _CREATED,
                "object": "config",
            }
            for slug in SAMPLE_CONFIGS
        ]
        _list(self, data)


def _list(handler: Handler, data: list[dict[str, Any]]) -> None:
    try:
        handler.check_key()
    except Refusal as refusal:
        handler.answer_json(refusal.status, refusal.body)
        return
    handler.answer_json(200, {"success": True, "object": "list", "total": len(data), "data": data})


class Feedback(Handler):
    """Takes feedback on an answer, by its trace id; it is checked and forgotten."""

    def post(self) -> None:
        """Answer with the id of the feedback."""
        try:
            self.check_key()
            body = self.read_json("portkey")
            problem = _feedback_problem(body)
            if problem is not None:
                raise Refusal(400, gateway_error(problem))
        except Refusal as refusal:
            self.answer_json(refusal.status, refusal.body)
            return
        answer = {
            "status": "success",
            "message": "Feedback successfully saved",
            "feedback_ids": [fingerprint(body["trace_id"])[:32]],
        }
        self.answer_json(200, answer)


def _feedback_problem(body: Mapping[str, Any]) -> str | None:
    """Return what is wrong with feedback; None when nothing is (bounds of the documented API)."""
    trace_id, value, weight = body.get("trace_id"), body.get("value"), body.get("weight", 1)
    if not isinstance(trace_id, str) or not trace_id:
        return f"Invalid trace_id passed: {trace_id!r}. It has to be a text"
    if isinstance(value, bool) or not isinstance(value, int) or not -10 <= value <= 10:
        return f"Invalid value passed: {value!r}. It has to be a whole number from -10 to 10"
    if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not 0 <= weight <= 1:
        return f"Invalid weight passed: {weight!r}. It has to be a number from 0 to 1"
    metadata = body.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        return f"Invalid metadata passed: expected an object, received {type(metadata).__name__}"
    return None
