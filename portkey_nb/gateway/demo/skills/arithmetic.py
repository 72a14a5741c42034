"""Sums: read out of words, worked out by a safe parser, with the way shown."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Callable, Mapping

from portkey_nb.gateway.demo.draft import Draft, Question, in_words
from portkey_nb.gateway.demo.skills.evaluation import evaluate, hint, shown, work_out

__all__ = ["calculate", "evaluate", "shown"]

_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_NUMBERS = {word: number for number, word in enumerate(_SMALL.split())}
_NUMBERS |= {word: 20 + 10 * number for number, word in enumerate(_TENS)} | {"hundred": 100, "thousand": 1000}
_WORDS = (
    (r"\bto the power of\b|\bto the power\b|\braised to\b", "**"),
    (r"\bmultiplied by\b|\btimes\b|×|·|⋅", "*"),
    (r"\bdivided by\b|\bover\b|÷", "/"),
    (r"\bmodulo\b|\bmod\b", "%"),
    (r"\bplus\b|\badded to\b", "+"),
    (r"\bminus\b|−|–", "-"),
    (r"(?<=\d)\s*squared\b|²", "**2"),
    (r"(?<=\d)\s*cubed\b|³", "**3"),
    (r"\^", "**"),
    (r"(?<=\d)\s*[xX]\s*(?=\d)", "*"),
)
_EXPRESSION = re.compile(r"[-(]*\d[\d.\s()+\-*/%]*[\d)]")
_NUMBER = r"-?\d+(?:\.\d+)?"


def calculate(question: Question) -> Draft | None:
    """Work out the sum in a question."""
    text = _normalised(question.text)
    for reader in (_follow_up, _kind_of_number, _percent, _of_list, _root, _equation, _speed, _story):
        draft = reader(text, question)
        if draft is not None:
            return draft
    return _expression(text, question)


def _normalised(text: str) -> str:
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text.lower().replace("$", " "))
    text = re.sub(r"\b(" + "|".join(_TENS) + r")[- ](one|two|three|four|five|six|seven|eight|nine)\b", _two_words, text)
    text = re.sub(r"\b(" + "|".join(_NUMBERS) + r")\b", lambda found: str(_NUMBERS[found.group(1)]), text)
    known = re.search(r"\b([a-z]) ?= ?(-?\d+(?:\.\d+)?)\b(?=.*\b(?:what|find|calculate|compute)\b)", text)
    if known and not re.search(rf"\d{known.group(1)}\b", text):
        # A letter whose value is told stands for it in what follows.
        text = re.sub(rf"\b{known.group(1)}\b", known.group(2), text[known.end() :])
    for pattern, sign in _WORDS:
        text = re.sub(pattern, f" {sign} " if not sign.startswith("**") or len(sign) == 2 else sign, text)
    return " ".join(text.split())


def _two_words(found: re.Match[str]) -> str:
    return str(_NUMBERS[found.group(1)] + _NUMBERS[found.group(2)])


def _expression(text: str, question: Question) -> Draft | None:
    for found in sorted(_EXPRESSION.findall(text), key=len, reverse=True):
        if not re.search(r"[+*/%-]", found.lstrip("-( ")) or re.fullmatch(r"\d{4}-\d{1,2}(-\d{1,2})?", found.strip()):
            continue
        try:
            value = evaluate(found)
        except ZeroDivisionError:
            return Draft(lead="That divides by zero, which has no answer.", short="undefined")
        except ValueError as error:
            if "too big" in str(error) and "**" in found:
                return Draft(lead="That number is too large for me to write out.", short="too large", light=True)
            continue
        return _result(found.strip(), value, question)
    return None


def _result(expression: str, value: float, question: Question) -> Draft:
    steps = len(re.findall(r"\d\s*(?:\*\*|[+*/%-])", expression))
    wrong = "arithmetic" in question.model.weak_at and steps > 1
    worked = work_out(expression, slip=wrong)
    said = worked[-1].value if wrong and worked else value
    money = "$" if "$" in question.text else ""
    answer = f"{money}{shown(said)}"
    pretty = re.sub(r"\s*\*\*\s*", "^", expression)
    pretty = re.sub(r"\s*([+*/%-])\s*", r" \1 ", pretty).replace("*", "×").replace("/", "÷").strip()
    pretty = re.sub(r"(^|[(×÷+]) - (?=\d)", r"\1-", pretty)
    way = [f"{step.said} = {shown(step.value)}" for step in worked]
    more = () if wrong else hint(expression, value)
    block = ""
    if len(way) > 1:
        if re.search(r"\bsteps?\b|\bexplain|\bshow\b|\bhow\b|\bwhy\b|\breason", question.lower):
            block = "\n".join(f"{place}. {step}" for place, step in enumerate(way, 1))
        else:
            more = (f"Step by step: {', then '.join(way)}.", *more)
    elif wrong:
        more = ()
    lead = f"{pretty} = **{answer}**."
    return Draft(lead=lead, more=more, block=block, short=answer, title="Calculation", data={"answer": _plain(said)})


def _plain(value: float) -> float:
    return int(value) if value == int(value) else round(value, 6)


def _follow_up(text: str, question: Question) -> Draft | None:
    found = re.match(
        rf"(?:and |now |then |what about |how about |ok,? )*(?P<sign>\*\*|[+*/-])\s*(?P<by>{_NUMBER})\W*$", text
    )
    halved = re.match(r"(?:and |now |then )*(half|double|twice|triple|square) (?:of )?(?:it|that|this)\W*$", text)
    if not question.answered or not (found or halved):
        return None
    numbers = re.findall(
        _NUMBER,
        question.answered[-1].replace(",", "").split("**")[1]
        if "**" in question.answered[-1]
        else question.answered[-1].replace(",", ""),
    )
    if not numbers:
        return None
    if found:
        ending = f"{found['sign']} {found['by']}"
    else:
        assert halved is not None
        ending = {"half": "/ 2", "double": "* 2", "twice": "* 2", "triple": "* 3", "square": "** 2"}[halved.group(1)]
    try:
        return _result(f"{numbers[-1]} {ending}", evaluate(f"({numbers[-1]}) {ending}"), question)
    except (ValueError, ZeroDivisionError):
        return None


def _kind_of_number(text: str, question: Question) -> Draft | None:
    found = re.search(r"\bis (\d{1,12}) (?:an? )?(prime|even|odd|divisible by (\d{1,6}))\b", text)
    if not found or found.group(3) == "0":
        return None
    number, kind = int(found.group(1)), found.group(2)
    if kind == "prime":
        factor = next((n for n in range(2, math.isqrt(number) + 1) if number % n == 0), None)
        yes = number > 1 and factor is None
        why = (
            f"It is {factor} × {number // factor}."
            if factor
            else "Only 1 and the number itself divide it."
            if yes
            else ""
        )
    else:
        by = int(found.group(3) or 2)
        rest = number % by
        yes = rest == (1 if kind == "odd" else 0)
        why = f"Divided by {by} it leaves {rest}."
    word = "Yes" if yes else "No"
    return Draft(
        lead=f"{word}, {number} is {'' if yes else 'not '}{kind}.",
        short=word,
        more=(why,) if why else (),
        title="Number",
        data={"answer": yes},
    )


def _percent(text: str, question: Question) -> Draft | None:
    part = re.search(rf"({_NUMBER})\s*(?:%|percent)\s*(of|off)\s*({_NUMBER})", text)
    if part:
        share, whole = float(part.group(1)), float(part.group(3))
        value = whole * share / 100
        if part.group(2) == "off":
            value = whole - value
        return _said(
            f"{shown(share)}% {part.group(2)} {shown(whole)} is",
            value,
            question,
            f"One percent of {shown(whole)} is {shown(whole / 100)}; take that {shown(share)} times.",
        )
    change = re.search(rf"from\s+({_NUMBER})\s+to\s+({_NUMBER})", text)
    if change and re.search(r"percent|%", text) and float(change.group(1)):
        before, after = float(change.group(1)), float(change.group(2))
        value = (after - before) / before * 100
        return _said(
            f"From {shown(before)} to {shown(after)} the change in percent is",
            value,
            question,
            "The difference is divided by where it started.",
        )
    return None


def _of_list(text: str, question: Question) -> Draft | None:
    found = re.search(
        rf"\b(sum|total|product|average|mean|median|maximum|minimum|largest|smallest|standard deviation)\b[^\d-]*?"
        rf"((?:{_NUMBER})(?:(?:\s*,\s*(?:and\s+)?|\s+and\s+|\s*;\s*|\s+)(?:{_NUMBER}))+)",
        text,
    )
    if not found:
        return None
    kind, numbers = found.group(1), [float(number) for number in re.findall(_NUMBER, found.group(2))]
    work: Mapping[str, Callable[[list[float]], float]] = {
        "sum": math.fsum,
        "total": math.fsum,
        "product": math.prod,
        "average": statistics.fmean,
        "mean": statistics.fmean,
        "median": statistics.median,
        "maximum": max,
        "largest": max,
        "minimum": min,
        "smallest": min,
        "standard deviation": statistics.stdev,
    }
    value = work[kind](numbers)
    signs = {"sum": " + ", "total": " + ", "product": " × "}
    names = [shown(number) for number in numbers]
    if kind in signs:
        if "arithmetic" in question.model.weak_at and len(numbers) > 2:
            value += 1
        return _said(f"{signs[kind].join(names)} =", value, question)
    how = {
        "average": "Add them up and divide by how many there are.",
        "mean": "Add them up and divide by their number.",
        "median": "Sorted, it is the one in the middle.",
        "standard deviation": "This is the one of a sample, with n - 1 below the line.",
    }
    return _said(f"The {kind} of {in_words(names)} is", value, question, how.get(kind, ""))


def _said(start: str, value: float, question: Question, how: str = "") -> Draft:
    answer = f"{'$' if '$' in question.text else ''}{shown(value)}"
    return Draft(
        lead=f"{start} **{answer}**.",
        more=(how,) if how else (),
        short=answer,
        title="Calculation",
        data={"answer": _plain(value)},
    )


def _root(text: str, question: Question) -> Draft | None:
    found = re.search(rf"\b(?:square root of|sqrt\s*\(?)\s*({_NUMBER})", text)
    if found and float(found.group(1)) >= 0:
        return _said(f"The square root of {found.group(1)} is", math.sqrt(float(found.group(1))), question)
    found = re.search(r"\bfactorial of (\d{1,2})\b|\b(\d{1,2}) factorial\b|\b(\d{1,2})!(?=\s*\??\s*$)", text)
    if found and int(number := next(filter(None, found.groups()))) <= 25:
        return _said(f"{number}! is", math.factorial(int(number)), question)
    return None


def _equation(text: str, question: Question) -> Draft | None:
    found = re.search(r"(-?\d*\.?\d*)\s*\*?\s*([a-z])\s*([+-]\s*\d+(?:\.\d+)?)?\s*=\s*(-?\d+(?:\.\d+)?)(?![\d.])", text)
    if not found or not re.search(r"\bsolve\b|\bfind\b|\bwhat is [a-z]\b(?! [a-z*+])", text):
        return None
    factor = float(found.group(1) + "1" if found.group(1) in ("", "-") else found.group(1))
    offset, right, name = float((found.group(3) or "0").replace(" ", "")), float(found.group(4)), found.group(2)
    if not factor:
        return None
    value = (right - offset) / factor
    way = f"$$\n\\begin{{aligned}}\n{shown(factor)}{name} &= {shown(right - offset)} \\\\\n{name} &= {shown(value)}\n"
    return Draft(
        lead=f"The solution is ${name} = {shown(value)}$.",
        block=way + "\\end{aligned}\n$$",
        short=shown(value),
        more=(f"First take {shown(offset)} from both sides, then divide both by {shown(factor)}.",),
        title="Solution",
        data={name: _plain(value)},
    )


def _speed(text: str, question: Question) -> Draft | None:
    found = re.search(
        rf"({_NUMBER})\s*(km|kilometers|kilometres|miles|meters|metres)\s+in\s+({_NUMBER})\s*(hours?|h|minutes?|seconds?)\b",
        text,
    )
    if not found or ("speed" not in text and "fast" not in text) or not float(found.group(3)):
        return None
    value = float(found.group(1)) / float(found.group(3))
    unit = f"{found.group(2)} per {found.group(4).rstrip('s')}"
    return Draft(
        lead=f"The average speed is **{shown(value)} {unit}**.",
        short=f"{shown(value)} {unit}",
        more=(f"Speed is distance over time: {found.group(1)} ÷ {found.group(3)}.",),
        title="Speed",
        data={"speed": _plain(value), "unit": unit},
    )


def _story(text: str, question: Question) -> Draft | None:
    if (
        not re.search(r"\bhow many\b|\bhow much\b", text)
        or len(re.findall(_NUMBER, text)) < 2
        or (_EXPRESSION.search(text) and re.search(r"\d\s*[+*/-]\s*\d", text))
    ):
        return None
    told = re.split(r"\bhow (?:many|much)\b", text)[0]
    each = re.search(
        rf"({_NUMBER}) [a-z]+ (?:with|of|at|that (?:hold|have|cost)|costing|cost|hold|"
        rf"have) \$?({_NUMBER})\b.*\beach\b",
        told,
    )
    if each and len(re.findall(_NUMBER, told)) == 2:
        return _result(f"{each.group(1)} * {each.group(2)}", float(each.group(1)) * float(each.group(2)), question)
    moves = re.findall(
        rf"\b(has|have|had|start(?:s|ed)?|there "
        rf"(?:are|were)|buy|buys|bought|gets?|got|receives?|received|finds?|found|adds?|"
        rf"picks?|gives?|gave|lose|loses|lost|eats?|ate|sells?|sold|spends?|spent|uses?|used)\b\D{{0,40}}?({_NUMBER})",
        told,
    )
    if len(moves) < 2:
        return None
    taken = re.compile(r"give|gave|los|eat|ate|sell|sold|spen|use")
    terms = [(-1 if taken.match(verb) else 1) * float(number) for verb, number in moves]
    value = math.fsum(terms)
    if "arithmetic" in question.model.weak_at and len(terms) > 2:
        value = math.fsum(map(abs, terms))
    line = " ".join(f"{'-' if term < 0 else '+'} {shown(abs(term))}" for term in terms).removeprefix("+ ")
    return _said("That leaves", value, question, f"Step by step: {line} = {shown(value)}.")
