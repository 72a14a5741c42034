"""Small programs: the usual exercises written out, and a scaffold for the rest."""

from __future__ import annotations

import re
from collections.abc import Mapping

from portkey_nb.gateway.demo.draft import Draft, Question
from portkey_nb.gateway.demo.skills.program_texts import PROGRAMS

_ASKED = re.compile(
    r"\b(?:write|create|give|show|implement|code|generate|make|need|provide|how (?:do|can|would) (?:i|you|one)|how to|"
    r"what is the)\b"
)
_CODE = re.compile(
    r"\b(?:code|function|script|program|snippet|class|method|query|regex|regular expression|one-liner|python|sql|"
    r"javascript|bash|pandas|algorithm|implement|unit tests?|decorator|dataframe|matplotlib|numpy|"
    r"hello,? world|list comprehension|"
    r"(?:bubble|merge|quick|insertion|heap) ?-?sort|binary search|fizz ?buzz)\b"
)
_LANGUAGES: Mapping[str, str] = {
    "javascript": "javascript",
    "typescript": "typescript",
    "bash": "bash",
    "shell": "bash",
    "sql": "sql",
    "rust": "rust",
    "java": "java",
    "c++": "cpp",
    "go": "go",
    "julia": "julia",
}
_TRAILING = re.compile(
    r"\s+(?:in|using|with) (?:python|javascript|typescript|bash|rust|java|go|julia|pandas|numpy)\b.*$|[.,;:?!]+$", re.I
)


def write(question: Question) -> Draft | None:
    """Write a program for what is asked."""
    lower = question.lower
    if len(lower) > 600 or not (_ASKED.search(lower) and _CODE.search(lower)):
        return None
    if re.match(r"(?:explain|what is|what are) (?:what )?(?:an? )?list comprehensions?", lower):
        return None
    if re.search(
        r"\b(?:explain|what is|compare|difference|list(?! comprehension)|haiku|poem|essay|table)\b", lower
    ) and not re.search(r"\b(?:code|function|script|query|snippet|regex|regular expression|program)\b", lower):
        return None
    language = next(
        (name for word, name in _LANGUAGES.items() if re.search(rf"\b{re.escape(word)}(?!\w)", lower)), "python"
    )
    for program in PROGRAMS:
        if re.search(program.pattern, lower) and program.language == language:
            return Draft(
                lead=program.lead,
                more=program.more,
                block=f"```{program.language}\n{program.code}\n```",
                title=program.title,
                data={"language": program.language, "code": program.code},
            )
    return _scaffold(question, language)


def _scaffold(question: Question, language: str) -> Draft | None:
    purpose = re.search(
        r"\b(?:function|script|program|code|method|class|query|snippet|regex)\b\s*(?:in \w+ )?"
        r"(?:that |which |to |for |called \w+ (?:that|to) )(?P<purpose>[^.?!\n]{3,120})",
        question.text,
        re.I,
    )
    if purpose is None:
        return None
    said = _TRAILING.sub("", purpose["purpose"].strip())
    words = [
        word
        for word in re.findall(r"[a-z]+", _base_form(said).lower())
        if word not in ("a", "an", "the", "of", "in", "and", "to")
    ]
    name = "_".join(words[:4]) or "solve"
    code = _outline(language, name, said)
    return Draft(
        lead=f"Here is an outline of a function to {_base_form(said)}:",
        more=(
            "The body is left to you: a simulated model knows the usual exercises by heart, and this is not one of "
            "them.",
            "A real model behind Portkey would fill it in.",
        ),
        block=f"```{language}\n{code}\n```",
        title=name.replace("_", " ").capitalize(),
        data={"language": language, "code": code},
    )


def _base_form(purpose: str) -> str:
    first, _, rest = purpose.partition(" ")
    if first.endswith(("ches", "shes", "sses", "xes")):
        first = first[:-2]
    elif first.endswith("ies"):
        first = f"{first[:-3]}y"
    elif first.endswith("s") and not first.endswith("ss"):
        first = first[:-1]
    return f"{first} {rest}".strip()


def _outline(language: str, name: str, purpose: str) -> str:
    camel = re.sub(r"_(\w)", lambda found: found.group(1).upper(), name)
    does = purpose[0].upper() + purpose[1:]
    if language in ("javascript", "typescript"):
        body = '  // TODO: the rule goes here\n  throw new Error("not written yet");'
        return f"// {does}.\nfunction {camel}(input) {{\n{body}\n}}"
    if language == "sql":
        return f"-- {does}\nSELECT *\nFROM your_table\nWHERE 1 = 1  -- TODO: the condition goes here\nLIMIT 100;"
    if language == "bash":
        return f'#!/usr/bin/env bash\n# {does}.\nset -euo pipefail\n\necho "not written yet" >&2\nexit 1'
    if language == "rust":
        return f'/// {does}.\nfn {name}(input: &str) -> String {{\n    todo!("the rule goes here")\n}}'
    if language != "python":
        return f"// {does}.\n// TODO: {camel}(input) goes here"
    return (
        f'def {name}(data):\n    """{does}."""\n    result = []\n    for item in data:\n'
        "        # TODO: the rule goes here\n        result.append(item)\n    return result\n\n\n"
        f"print({name}([1, 2, 3]))"
    )
