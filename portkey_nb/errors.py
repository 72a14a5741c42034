"""Every exception a user can meet, as plain data with a next step in each message.

The tree::

    PortkeyError
      SettingsError            a key, base URL or default is missing or contradictory
      ConfigError              a routing Config does not fit its schema
      PromptError              a cell, template, reference or option cannot be understood
      SchemaError              an answer does not fit the schema it was asked for; ``.reply`` is its text
      StoreError               the run log cannot be read or written
      RecordingError           a recording cannot be read or written
        NotRecordedError       a request has no answer in the recording that is replayed
      APIConnectionError       the gateway could not be reached
        APITimeoutError        one of the client's own limits was passed
      StreamIncomplete         a stream ended too early; ``.completion`` is what came
      APIStatusError           the gateway answered with an error
        BadRequestError            400, 413, 422, 431
        AuthenticationError        401
        PermissionDeniedError      403
        NotFoundError              404
        RequestTimeoutError        408
        BudgetExceededError        412
        RateLimitError             429 (``.retry_after``, seconds)
        GuardrailError             446
        GatewayError               5xx

In IPython each of them shows as one line, and the cell fails.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar

__all__ = [
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "AuthenticationError",
    "BadRequestError",
    "BudgetExceededError",
    "ConfigError",
    "GatewayError",
    "GuardrailError",
    "NotFoundError",
    "NotRecordedError",
    "PermissionDeniedError",
    "PortkeyError",
    "PromptError",
    "RateLimitError",
    "RecordingError",
    "RequestTimeoutError",
    "SchemaError",
    "SettingsError",
    "StoreError",
    "StreamIncomplete",
    "status_error",
]


_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class PortkeyError(Exception):
    """Base of every error that portkey_nb raises on purpose.

    Parameters
    ----------
    message : str
        What was wrong, quoting the value, and what to do next, in one line.
    """

    def __init__(self, message: str) -> None:
        # Messages quote what servers and models said, and end up in terminals.
        self.message = _CONTROL.sub("", message)
        super().__init__(self.message)

    def _render_traceback_(self) -> list[str]:
        """Show one line in place of IPython's traceback; the cell still fails."""
        return [f"{type(self).__name__}: {' '.join(self.message.split())}"]


class SettingsError(PortkeyError):
    """A key, a base URL or a default is missing, unreadable or contradictory."""


class ConfigError(PortkeyError):
    """A routing Config, or an option that travels beside it, does not fit its schema."""


class PromptError(PortkeyError):
    """A cell body, a ``{{reference}}``, a message list or a flag cannot be understood."""


class SchemaError(PortkeyError):
    """An answer does not fit the schema it was asked for.

    Attributes
    ----------
    reply : str
        What the model answered.
    """

    def __init__(self, message: str, *, reply: str = "") -> None:
        super().__init__(message)
        self.reply = reply


class StoreError(PortkeyError):
    """The run log cannot be opened, read or written."""


class RecordingError(PortkeyError):
    """A recording of requests and answers cannot be read, written or understood."""


class NotRecordedError(RecordingError):
    """A request that is to be answered from a recording is not in it."""


class APIConnectionError(PortkeyError):
    """The gateway could not be reached, or the connection broke before an answer."""


class APITimeoutError(APIConnectionError):
    """One of the client's own limits (connect, idle, answer, total; seconds) was passed.

    Attributes
    ----------
    connected : bool
        Whether the request had gone out, so that the provider may be working on it.
    """

    def __init__(self, message: str, *, connected: bool = True) -> None:
        super().__init__(message)
        self.connected = connected


class StreamIncomplete(PortkeyError):
    """A stream ended, or became unreadable, before every choice had a finish reason.

    Attributes
    ----------
    completion : ChatCompletion or None
        What had come by then.
    """

    def __init__(self, message: str, *, completion: Any = None) -> None:
        super().__init__(message)
        self.completion = completion


class APIStatusError(PortkeyError):
    """The gateway, or the provider behind it, answered with an error.

    Attributes
    ----------
    status : int
        HTTP status; 200 where the error came in the body of a successful answer.
    code : str or None
        The provider's or gateway's own error code.
    provider, trace_id : str or None
        From the answer's ``x-portkey-provider`` and ``x-portkey-trace-id``.
    body : object
        The decoded answer, or its text.
    headers : dict[str, str]
        The answer's headers in lower case.
    completion : ChatCompletion or None
        What had come before, where the error arrived inside a stream.
    """

    hint: ClassVar[str] = ""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str | None = None,
        provider: str | None = None,
        trace_id: str | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        completion: Any = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.provider = provider
        self.trace_id = trace_id
        self.body = body
        self.headers = dict(headers or {})
        self.completion = completion


class BadRequestError(APIStatusError):
    """400, 413, 422 or 431: the request itself is refused."""

    hint = "check the model's name, the parameters and the config"


class AuthenticationError(APIStatusError):
    """401: the key is missing, wrong or expired."""

    hint = "run `%portkey login`, or set PORTKEY_API_KEY"


class PermissionDeniedError(APIStatusError):
    """403: the key is known but may not do this."""

    hint = "use a key with this permission"


class NotFoundError(APIStatusError):
    """404: no such model, config or route."""

    hint = "check the name (`%portkey models` lists the models) and the base URL"


class RequestTimeoutError(APIStatusError):
    """408: the gateway's ``request_timeout`` was passed."""

    hint = "raise request_timeout (milliseconds) in the config, or choose a faster model"


class BudgetExceededError(APIStatusError):
    """412: the key's or the provider's budget is used up."""

    hint = "raise the budget in Portkey, or use another key"


def asked_wait(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that ``Retry-After`` asks for, given as a number or as a date (RFC 9110, 10.2.3)."""
    asked = headers.get("retry-after", "")
    try:
        return max(0.0, float(asked))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(asked).timestamp() - time.time())
    except (ValueError, TypeError):
        return None


class RateLimitError(APIStatusError):
    """429: too many requests.

    Attributes
    ----------
    retry_after : float or None
        Seconds to wait, where the answer said so.
    """

    hint = "wait and run again, or add a fallback or retry to the config"

    @property
    def retry_after(self) -> float | None:
        """Seconds that the answer asks to wait; None where it does not say."""
        return asked_wait(self.headers)


class GuardrailError(APIStatusError):
    """446: a guardrail of the config denied the request or the answer."""

    hint = "`.body['hook_results']` tells which check failed"


class GatewayError(APIStatusError):
    """5xx: the gateway or the provider failed."""

    hint = "run again, or add a retry or fallback to the config"


_BY_STATUS: dict[int, type[APIStatusError]] = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    408: RequestTimeoutError,
    412: BudgetExceededError,
    429: RateLimitError,
    446: GuardrailError,
}


def status_error(
    message: str,
    *,
    status: int,
    code: str | None = None,
    provider: str | None = None,
    trace_id: str | None = None,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
    completion: Any = None,
    hint: str | None = None,
) -> APIStatusError:
    """Build the exception that fits an HTTP status, its message ending in a next step.

    Parameters
    ----------
    message : str
        What the gateway said.
    status : int
        HTTP status, or the numeric code of an error inside a 200 answer.
    hint : str, optional
        What to do next, where more is known than the status tells.

    Returns
    -------
    APIStatusError
        One of its subclasses where the status has one.
    """
    kind = _BY_STATUS.get(status)
    if kind is None:
        kind = GatewayError if status >= 500 else BadRequestError if 400 <= status < 500 else APIStatusError
    said = " ".join(message.split()) or "no message"
    hint, wait = hint or kind.hint, asked_wait(headers or {})
    if kind is RateLimitError and wait:
        hint = f"wait {wait:.0f} s as it asks, or add a fallback or retry to the config"
    text = f"{status} {said.rstrip('.')}; {hint}" if hint else f"{status} {said}"
    return kind(
        text,
        status=status,
        code=code,
        provider=provider,
        trace_id=trace_id,
        body=body,
        headers=headers,
        completion=completion,
    )
