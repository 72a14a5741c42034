"""Error answers of gateway and providers, in all their shapes, as exceptions; no I/O.

The shapes were read from recorded answers of Portkey's open-source gateway 1.15.2 and from its documentation: the
provider's error under ``error``, the gateway's own ``{"status": "failure", "message": ...}``, ``html-message`` for an
upstream that sent no JSON, and plain text. The hosted gateway adds the header that an organisation forbids
(``error.field``), and its administration answers ``{"success": false, "data": {"message": ..., "errorCode": ...}}``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from portkey_nb.errors import APIStatusError, status_error

_BY_TYPE = {
    "rate_limit": 429,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "invalid_request_error": 400,
    "timeout_error": 408,
    "overloaded_error": 529,
    "api_error": 500,
    "server_error": 500,
    "hooks_failed": 446,
}
"""Kinds of error named inside a body, for answers whose HTTP status says 200."""


def error_text(body: Any) -> str:
    """Return the sentence with which an error body explains itself.

    Examples
    --------
    >>> error_text({"error": {"message": "openai error: no such model"}, "provider": "openai"})
    'openai error: no such model'
    """
    if isinstance(body, dict):
        error = body.get("error")
        if isinstance(error, dict) and error.get("message"):
            text, field = str(error["message"]), error.get("field")
            return f"{text} ({field})" if isinstance(field, str) and field not in text else text
        for found in (
            error if isinstance(error, str) else None,
            body.get("message"),
            body.get("html-message"),
            _object(body.get("data")).get("message"),
        ):
            if found:
                more = body.get("errors")
                first = f": {more[0]}" if isinstance(more, list) and more and isinstance(more[0], str) else ""
                return _plain(f"{found}{first}")
        return str(body) if body else ""
    return _plain(str(body)) if body else ""


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _plain(text: str) -> str:
    """Reduce an HTML page to its words, and cut what is long."""
    if "<" in text:
        text = re.sub(r"<(script|style)\b.*?</\1>|<[^>]*>", " ", text, flags=re.S | re.I)
    text = " ".join(text.split())
    return text if len(text) <= 500 else text[:500] + " ..."


def struck(value: Any, secrets: Sequence[str]) -> Any:
    """Return a decoded answer in which each secret text that it echoes is ``***``.

    Examples
    --------
    >>> struck({"message": "bad key sk-12345"}, ["sk-12345"])
    {'message': 'bad key ***'}
    """
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, "***")
        return value
    if isinstance(value, dict):
        return {struck(name, secrets): struck(item, secrets) for name, item in value.items()}
    if isinstance(value, list):
        return [struck(item, secrets) for item in value]
    return value


def is_error(body: Mapping[str, Any]) -> bool:
    """Tell whether a decoded object is an error, whatever the HTTP status says."""
    return bool(body.get("error")) or (body.get("status") == "failure" and "choices" not in body)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def no_answer(content: bytes, status: int, headers: Mapping[str, str], secrets: Sequence[str] = ()) -> APIStatusError:
    """Build the exception for an answer that is neither a chat completion nor an error object.

    Parameters
    ----------
    content : bytes
        What came in its place.
    """
    text = struck(content.decode("utf-8", "replace"), secrets)
    shown = _plain(text[:2000])[:80]
    said = f"{shown!r} is no answer of a gateway" if shown else "the answer is empty"
    cut = shown.startswith("{") and not _is_json(text)
    remedy = "it is cut off; run again" if cut else "check the base URL, which most often ends in /v1"
    headers = struck(dict(headers), secrets)
    return APIStatusError(
        f"{status} {said}; {remedy}",
        status=status,
        provider=headers.get("x-portkey-provider"),
        trace_id=headers.get("x-portkey-trace-id") or None,
        body=text,
        headers=headers,
    )


_ADVICE = {
    "Either x-portkey-config or x-portkey-provider": "say whom to ask: `--provider openai`, or a Config by `--config`",
    "Invalid provider passed": "check the provider's name",
    "Invalid custom host": "start the gateway with TRUSTED_CUSTOM_HOSTS naming every private host that you need",
    "ECONNREFUSED": "the gateway cannot reach the provider: is the model server running, and custom_host right?",
}
"""What the open-source gateway says of common mistakes -> what to do about them."""


def body_error(
    body: Any,
    status: int,
    headers: Mapping[str, str],
    *,
    completion: Any = None,
    secrets: Sequence[str] = (),
    hint: str | None = None,
) -> APIStatusError:
    """Build the exception for an error answer.

    Parameters
    ----------
    body : object
        The decoded JSON, or the text of the answer.
    status : int
        HTTP status. Where it is 200, the number or the type inside the body decides the exception's class.
    headers : mapping
        The answer's headers, lower case.
    completion : ChatCompletion, optional
        What had come before, for an error in the middle of a stream.
    secrets : sequence of str
        Struck out of all that the answer says.
    hint : str, optional
        What to do next, where the caller knows more than the status tells.

    Returns
    -------
    APIStatusError
    """
    body, headers = struck(body, secrets), struck(dict(headers), secrets)
    whole = _object(body)
    detail = _object(whole.get("error"))
    code, kind = detail.get("code", _object(whole.get("data")).get("errorCode")), detail.get("type")
    provider = whole.get("provider")
    text = error_text(body)
    if status == 431 and not text:
        # Node's server says no word of its own, and no other header of ours grows that long.
        text = (
            "the config is too large for a header (all headers together may have 16 KB); "
            "shorten it, or save it in Portkey and name its id"
        )
    elif 300 <= status < 400:
        text = f"the address has moved to {headers.get('location', 'another one')!r}; use that as the base URL"
    exception = status_error(
        text,
        status=_meant(status, code, kind),
        code=None if code is None else str(code),
        provider=headers.get("x-portkey-provider") or (provider if isinstance(provider, str) else None),
        trace_id=headers.get("x-portkey-trace-id") or None,
        body=body,
        headers=headers,
        completion=completion,
        hint=next((advice for words, advice in _ADVICE.items() if words in text), hint),
    )
    exception.status = status
    return exception


def _meant(status: int, code: Any, kind: Any) -> int:
    if status >= 400:
        return status
    for value in (code, kind):
        if isinstance(value, int | str) and str(value).isdigit() and 400 <= int(value) < 600:
            return int(value)
        if isinstance(value, str) and value in _BY_TYPE:
            return _BY_TYPE[value]
    return status
