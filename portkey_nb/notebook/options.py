"""The words of a ``%%portkey`` line: how it is split, which flags there are, and the page that explains them."""

from __future__ import annotations

import argparse
import ast
import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NoReturn

from portkey_nb.errors import PromptError

COMMANDS = {
    "status": "where calls go, with which key, and what this session and today have cost",
    "models": "models [filter]: what the gateway offers",
    "runs": "runs [n]: the latest runs as a DataFrame",
    "config": "the defaults in force and the configs named in this notebook",
    "chat": "chat [name]: the conversations, or one of them",
    "reset": "reset [name]: forget a conversation",
    "login": "login [--save]: ask for the Portkey key",
    "logout": "forget the key of this session",
    "panel": "panel [chat]: a chat panel, a new one or that of a named conversation",
    "compare": "compare [group | last N]: logged runs side by side; without more, the last that were made together",
    "record": "record [FILE.jsonl | off]: add each request and its answer to a file; what is on",
    "replay": "replay [FILE.jsonl [--pace recorded|none] | off]: answer from such a file, without network or cost",
    "help": "this page",
}


@dataclass
class CellOptions:
    """What a ``%%portkey`` line asks for; the fields are the flags."""

    model: list[str] = field(default_factory=list)
    system: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    param: list[str] = field(default_factory=list)
    config: str | None = None
    provider: str | None = None
    virtual_key: str | None = field(default=None, repr=False)
    base_url: str | None = None
    tag: list[str] = field(default_factory=list)
    chat: str | None = None
    repeat: int = 1
    cache: bool = False
    schema: str | None = None
    tools: list[str] = field(default_factory=list)
    image: list[str] = field(default_factory=list)
    prompt: str | None = None
    output: str | None = None
    raw: bool = False
    messages: bool = False
    no_stream: bool = False
    no_log: bool = False
    dry_run: bool = False
    help: bool = False


class _Parser(argparse.ArgumentParser):
    """An argparse parser whose mistakes are one line and no exit."""

    def error(self, message: str) -> NoReturn:
        raise PromptError(f"%%portkey: {message}; `%%portkey -h` shows the flags")


def _parser() -> _Parser:
    parser = _Parser(prog="%%portkey", add_help=False, allow_abbrev=False, argument_default=argparse.SUPPRESS)
    add = parser.add_argument
    add("-m", "--model", action="append", metavar="MODEL", help="a model; several run side by side")
    add("-s", "--system", metavar="TEXT", help="the system message")
    add("-t", "--temperature", type=float, metavar="T", help="0 is steady, higher is more varied")
    add("--max-tokens", type=int, metavar="N", help="longest answer, in tokens")
    add("-p", "--param", action="append", metavar="KEY=VALUE", help="any other request parameter; VALUE may be JSON")
    add("--config", metavar="ID|NAME|JSON", help="a saved config's id, a %%%%portkey_config name, or JSON")
    add("--provider", metavar="P|@SLUG", help="the provider to call, or one saved in Portkey")
    add("--virtual-key", metavar="VK", help="a credential saved in Portkey")
    add("--base-url", metavar="URL", help="the gateway; `demo` is the embedded demo gateway")
    add("--tag", action="append", metavar="K=V", help="kept on the run and sent as metadata")
    add("--chat", metavar="NAME", help="continue a conversation; `global:NAME` is shared between notebooks")
    add("--repeat", type=int, metavar="N", help="ask each model N times")
    add("--cache", action="store_true", help="take the answer from the run log if the same was asked before")
    add("--schema", metavar="NAME|JSON", help="a pydantic model, dataclass or JSON schema that the answer is to fit")
    add("--tools", action="append", metavar="NAME", help="a function of the notebook that the model may call")
    add("--image", action="append", metavar="PATH|NAME", help="an image to send: a file, a PIL image, a figure")
    add("--prompt", metavar="ID", help="a prompt template saved in Portkey; the body holds its variables as YAML")
    add("-o", "--output", metavar="NAME", help="bind the reply to NAME (as `NAME <<` at the start does)")
    add("--raw", action="store_true", help="send {{braces}} as they are")
    add("--messages", action="store_true", help="the body is a YAML or JSON list of messages")
    add("--no-stream", action="store_true", help="ask for the whole answer at once")
    add("--no-log", action="store_true", help="keep this call out of the run log")
    add("--dry-run", action="store_true", help="show what would be sent, and send nothing")
    add("-h", "--help", action="store_true", help="this page")
    return parser


PARSER = _parser()
FLAGS = [option for action in PARSER._actions for option in action.option_strings]


def help_page() -> str:
    """Return the page that ``%%portkey -h`` and ``%%portkey?`` show."""
    flags = PARSER.format_help().split("options:", 1)[1].rstrip()
    commands = "\n".join(f"  {name:<10}{text.removeprefix(name + ' ')}" for name, text in COMMANDS.items())
    return f"""Ask one model or several, and keep every run.

    %%portkey [NAME <<] [flags]
    the prompt, as it is; {{{{name}}}} is read from the notebook

    %portkey [flags] a prompt on one line
    %portkey -- any text at all as the prompt

A body whose first line is just `system:`, `user:` or `assistant:` is a list of messages.

Flags:{flags}

%portkey COMMAND:
{commands}

Defaults: %config PortkeyMagics lists and sets them."""


@dataclass(frozen=True)
class Word:
    """One word of the line, and where it begins and ends."""

    text: str
    start: int
    end: int


def split_line(line: str) -> list[Word]:
    """Split a magic's line into words.

    Quotes hold spaces together where they open a word or follow ``=``; braces and brackets hold JSON together, quotes
    and all, so that ``--config {"provider": "openai"}`` needs no further quoting. Backslashes are ordinary.

    Raises
    ------
    PromptError
        When a quote or a brace is never closed.

    Examples
    --------
    >>> [word.text for word in split_line('-s "Be brief" -p stop=["a b"]')]
    ['-s', 'Be brief', '-p', 'stop=["a b"]']
    """
    return list(_words(line))


def _words(line: str) -> Iterator[Word]:
    at = 0
    while at < len(line):
        if line[at].isspace():
            at += 1
            continue
        word = _word(line, at)
        yield word
        at = word.end


def _word(line: str, start: int) -> Word:
    at, text = start, ""
    while at < len(line) and not line[at].isspace():
        opens = at == start or line[at - 1] == "="
        if opens and line[at] in "\"'":
            end = _closing_quote(line, at)
            text += line[at + 1 : end].replace("\\" + line[at], line[at])
            at = end + 1
        elif opens and line[at] in "{[":
            end = _closing_brace(line, at)
            text += line[at : end + 1]
            at = end + 1
        else:
            text += line[at]
            at += 1
    return Word(text, start, at)


def _closing_quote(line: str, at: int) -> int:
    quote = line[at]
    end = at + 1
    while end < len(line) and line[end] != quote:
        end += 2 if line[end] == "\\" and line[end + 1 : end + 2] == quote else 1
    if end >= len(line):
        raise PromptError(f"the quote {quote} before `{line[at + 1 : at + 20]}` is never closed; close it")
    return end


def _closing_brace(line: str, at: int) -> int:
    depth, quote, end = 0, "", at
    while end < len(line):
        char = line[end]
        if quote:
            if char == "\\":
                end += 1
            elif char == quote:
                quote = ""
        elif char in "\"'":
            quote = char
        elif char in "{[":
            depth += 1
        elif char in "}]":
            depth -= 1
            if depth == 0:
                return end
        end += 1
    raise PromptError(f"`{line[at : at + 30]}` opens a brace that is never closed; close it")


def parse_cell(line: str) -> CellOptions:
    """Read the line of a ``%%portkey`` cell.

    Raises
    ------
    PromptError
        One line naming the flag or the word that does not fit.
    """
    name, line = _binding(line)
    options = _parse([word.text for word in split_line(line)])
    if name is not None:
        if options.output is not None and options.output != name:
            raise PromptError(f"the reply has two names, `{name} <<` and `-o {options.output}`; keep one")
        options.output = name
    return options


def parse_line(line: str) -> tuple[CellOptions, str]:
    """Read the line of ``%portkey``: leading flags, then the prompt, byte for byte.

    The prompt begins at the first word that is neither a flag nor a flag's value, or behind ``--``.
    """
    name, line = _binding(line)
    takes_value = {option for action in PARSER._actions if action.nargs != 0 for option in action.option_strings}
    flags: list[str] = []
    at = 0
    while True:
        at += len(line[at:]) - len(line[at:].lstrip())
        head = line[at:].split(None, 1)[0] if at < len(line) else ""
        if head == "--":
            at += 2 + (len(line[at + 2 :]) - len(line[at + 2 :].lstrip()))
            break
        if not head.startswith("-") or not head.strip("-") or _is_number(head):
            break
        for word in islice(_words(line[at:]), 2 if head in takes_value else 1):
            flags.append(word.text)
            end = word.end
        at += end
    options = _parse(flags)
    if name is not None:
        options.output = name
    return options, line[at:]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _binding(line: str) -> tuple[str | None, str]:
    name, arrow, rest = line.partition("<<")
    if not arrow or len(name.split()) != 1 or name.strip().startswith("-"):
        return None, line
    return _identifier(name.strip()), rest


def _identifier(name: str) -> str:
    import keyword  # stdlib, needed only where a reply is bound

    if not name.isidentifier() or keyword.iskeyword(name):
        raise PromptError(f"`{name}` cannot be a variable; write a Python name before `<<` or behind `-o`")
    return name


def _parse(words: list[str]) -> CellOptions:
    for word in words:
        if word.split("=")[0].lower() in ("--api-key", "--api_key", "--key", "--authorization"):
            raise PromptError(
                "a key does not belong into a cell, where it would be saved; "
                "run `%portkey login` or set PORTKEY_API_KEY"
            )
    options = CellOptions()
    _, unknown = PARSER.parse_known_args(words, namespace=options)
    if unknown:
        first = unknown[0]
        close = difflib.get_close_matches(first.split("=")[0], FLAGS, 1)
        hint = f"did you mean `{close[0]}`?" if close else "`%%portkey -h` shows the flags"
        if not first.startswith("-"):
            hint = "the prompt goes into the cell's body; quote values that hold spaces"
        raise PromptError(f"unknown {'flag' if first.startswith('-') else 'word'} `{first}`; {hint}")
    for flag, number in {"--repeat": options.repeat, "--max-tokens": options.max_tokens}.items():
        if number is not None and number < 1:
            raise PromptError(f"{flag} is {number}; give a number from 1")
    if options.output is not None:
        _identifier(options.output)
    return options


def pairs(given: list[str], flag: str) -> dict[str, str]:
    """Read ``KEY=VALUE`` words."""
    found = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise PromptError(f"{flag} {text!r} is no pair; write it as {flag} key=value")
        found[key.strip()] = value
    return found


def request_params(options: CellOptions) -> dict[str, Any]:
    """Return the request parameters that a line sets, and only those.

    Raises
    ------
    PromptError
        When a parameter has an option of its own, or holds a key.
    """
    params: dict[str, Any] = {}
    twice = {"temperature": options.temperature, "max_tokens": options.max_tokens}
    for name, text in pairs(options.param, "-p").items():
        if twice.get(name) is not None:
            raise PromptError(f"{name} is given twice, by -p and by its own flag; leave one of them out")
        if name == "n" and _value(text) != 1:
            raise PromptError(f"-p n={text} asks for answers that a cell does not show; use --repeat {text}")
        if name in ("messages", "model", "stream"):
            raise PromptError(f"-p {name}=... has a flag or the cell's body of its own; `%%portkey -h` shows them")
        if name.lower().replace("-", "_") in ("api_key", "authorization"):
            raise PromptError("a key does not belong into a cell, where it would be saved; run `%portkey login`")
        params[name] = _value(text)
    if options.temperature is not None:
        params["temperature"] = options.temperature
    if options.max_tokens is not None:
        params["max_tokens"] = options.max_tokens
    return params


def _value(text: str) -> Any:
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
    return text
