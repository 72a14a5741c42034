"""The routes of the demo gateway."""

from __future__ import annotations

import tornado.web

from portkey_nb.gateway.demo.completions import ChatCompletions
from portkey_nb.gateway.demo.handling import SERVER, Handler, House
from portkey_nb.gateway.demo.hosted import Configs, Feedback, PromptCompletions, PromptRender, Prompts
from portkey_nb.gateway.demo.models import listed_models
from portkey_nb.gateway.demo.wire import Refusal

__all__ = ["SERVER", "House", "application"]


def application(house: House) -> tornado.web.Application:
    """Return the routes; nothing is written to any log, since a notebook would show it."""
    shared = {"house": house}
    return tornado.web.Application(
        [
            (r"/", _Root, shared),
            (r"/v1/chat/completions/?", ChatCompletions, shared),
            (r"/v1/models/?", _Models, shared),
            (r"/v1/prompts/?", Prompts, shared),
            (r"/v1/prompts/([^/]+)/render/?", PromptRender, shared),
            (r"/v1/prompts/([^/]+)/completions/?", PromptCompletions, shared),
            (r"/v1/feedback/?", Feedback, shared),
            (r"/v1/configs/?", Configs, shared),
        ],
        default_handler_class=_NotFound,
        default_handler_args=shared,
        log_function=lambda handler: None,
    )


class _Root(Handler):
    def get(self) -> None:
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish("The demo gateway of portkey_nb: simulated models, no key needed.")


class _NotFound(Handler):
    def prepare(self) -> None:
        self.answer_json(404, {"message": "Not Found", "ok": False})


class _Models(Handler):
    def get(self) -> None:
        try:
            self.check_key()
        except Refusal as refusal:
            self.answer_json(refusal.status, refusal.body)
            return
        data = [
            {"id": model.name, "object": "model", "created": 1767225600, "owned_by": model.provider}
            for model in listed_models()
        ]
        self.answer_json(200, {"object": "list", "data": data})
