"""``{{reference}}`` in a text: found by a fixed grammar, looked up in the notebook, filled in once.

The grammar, spaces allowed beside the braces and brackets::

    reference  =  "{{" name step* "}}"
    step       =  "." name  |  "[" integer "]"  |  "[" string "]"

A string has either quote and the escapes ``\\\\ \\" \\' \\n \\t``. Whatever does not fit (a call, a filter, a keyword,
``{{ .Values.x }}``, ``{{{x}}}``) is no reference and stays as it is.
"""

from __future__ import annotations

import difflib
import keyword
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from portkey_nb.errors import PromptError
from portkey_nb.notebook.insertion import as_text

__all__ = ["References"]

# Possessive quantifiers keep the search linear on any text.
_NAME = r"[^\W\d]\w*+"
_KEY = r"""(?:-?[0-9]{1,18}|"(?:[^"\\\n]|\\["'\\nt])*+"|'(?:[^'\\\n]|\\["'\\nt])*+')"""
_REFERENCE = re.compile(rf"(?<!\{{)\{{\{{[ \t]*+({_NAME})((?:\.{_NAME}|\[[ \t]*+{_KEY}[ \t]*+\])*+)[ \t]*+\}}\}}")
_STEP = re.compile(rf"\.({_NAME})|\[[ \t]*+({_KEY})[ \t]*+\]")
_ESCAPE = re.compile(r"\\(.)")
_RAW = "(--raw sends the braces as they are)"


class References:
    """Fills in the references of one prompt.

    Parameters
    ----------
    namespace : mapping
        The notebook's variables.

    Attributes
    ----------
    used : dict[str, str]
        Reference, as written between the braces -> the text that went in.
    """

    def __init__(self, namespace: Mapping[str, Any]) -> None:
        self._namespace = namespace
        self.used: dict[str, str] = {}

    def expand(self, text: str) -> str:
        """Fill in a text, in one pass: what is inserted is not looked at again.

        Raises
        ------
        PromptError
            If a reference leads to nothing, or to a value that is no text.
        """
        return _REFERENCE.sub(self._insert, text)

    def _insert(self, found: re.Match[str]) -> str:
        name, tail = found[1], found[2]
        steps = _STEP.findall(tail)
        if not all(_is_name(word) for word in (name, *(attribute for attribute, _ in steps if attribute))):
            return found[0]
        reference = name + tail
        if reference not in self.used:
            self.used[reference] = as_text(self._look_up(reference, name, steps), reference)
        return self.used[reference]

    def _look_up(self, reference: str, name: str, steps: list[tuple[str, str]]) -> Any:
        # Python keeps names in this form, whichever way they were typed.
        key = unicodedata.normalize("NFKC", name)
        if key not in self._namespace:
            close = difflib.get_close_matches(key, [str(each) for each in self._namespace if each[:1] != "_"], 1)
            hint = f"did you mean `{close[0]}`?" if close else "define it in a cell above"
            raise PromptError(f"`{{{{{reference}}}}}`: `{name}` is not defined in this notebook; {hint} {_RAW}")
        value, said = self._namespace[key], name
        for attribute, written in steps:
            if attribute:
                value = _attribute(value, unicodedata.normalize("NFKC", attribute), said, reference)
                said += f".{attribute}"
            else:
                value = _item(value, written, said, reference)
                said += f"[{written}]"
        return value


def _is_name(word: str) -> bool:
    return word.isidentifier() and not keyword.iskeyword(word)


def _attribute(value: Any, name: str, said: str, reference: str) -> Any:
    if name.startswith("__"):
        raise _lost(reference, f"`.{name}` is internal to Python and is not read; bind what you need to a name")
    taken, error = _attempt(lambda: getattr(value, name))
    if error is None:
        return taken
    if not isinstance(error, AttributeError):
        raise _lost(reference, f"reading `.{name}` of `{said}` failed ({type(error).__name__}: {error!s:.120})")
    if name in (keys := _keys(value)):
        raise _lost(reference, f'`{said}` ({type(value).__name__}) has no `.{name}`; write `{said}["{name}"]`')
    known, _ = _attempt(lambda: [each for each in dir(value) if not each.startswith("_")])
    close = difflib.get_close_matches(name, [*(known or []), *keys], 1)
    if not close:
        hint = f"look at `dir({said})`"
    else:
        hint = f"did you mean `{said}.{close[0]}`?" if close[0] not in keys else f'did you mean `{said}["{close[0]}"]`?'
    raise _lost(reference, f"`{said}` ({type(value).__name__}) has no `.{name}`; {hint} {_RAW}")


def _item(value: Any, written: str, said: str, reference: str) -> Any:
    key: int | str = _unquoted(written) if written[0] in "\"'" else int(written)
    taken, error = _attempt(lambda: value[key])
    if error is None:
        return taken
    kind = type(value).__name__
    if isinstance(error, TypeError):
        raise _lost(reference, f"`{said}` ({kind}) cannot be indexed with {written}; insert `{{{{{said}}}}}` or a part")
    if not isinstance(error, LookupError):
        raise _lost(reference, f"reading [{written}] of `{said}` failed ({type(error).__name__}: {error!s:.120})")
    keys = _keys(value)
    close = difflib.get_close_matches(str(key), keys, 1)
    if close:
        hint = f'did you mean `{said}["{close[0]}"]`?'
    elif keys:
        hint = f"it has {', '.join(repr(each) for each in keys[:5])}{', ...' if len(keys) > 5 else ''}"
    else:
        size, _ = _attempt(lambda: len(value))
        hint = f"it has {size} items" if size is not None else "look at what it holds"
    raise _lost(reference, f"`{said}` ({kind}) has no [{written}]; {hint} {_RAW}")


def _keys(value: Any) -> list[str]:
    """Name the texts by which a value can be indexed: keys, or a frame's columns."""
    found, _ = _attempt(lambda: list(value) if isinstance(value, Mapping) else list(value.keys()))
    return [each for each in found or [] if isinstance(each, str)]


def _unquoted(written: str) -> str:
    return _ESCAPE.sub(lambda found: {"n": "\n", "t": "\t"}.get(found[1], found[1]), written[1:-1])


def _attempt(action: Callable[[], Any]) -> tuple[Any, Exception | None]:
    """Give a result or an error as values, so that ours is raised with no other behind it."""
    try:
        return action(), None
    except Exception as error:  # noqa: BLE001 (properties and item access of the user's may raise anything)
        return None, error


def _lost(reference: str, what: str) -> PromptError:
    return PromptError(" ".join(f"`{{{{{reference}}}}}`: {what}".split()))
