"""Reading a text that the question brings along: its tone, its facts, its gist, its wording."""

from __future__ import annotations

import json
import re
from collections import Counter

from portkey_nb.gateway.demo.draft import Draft, Question, exactly
from portkey_nb.gateway.demo.manner import sentences
from portkey_nb.gateway.demo.skills.reading_words import BAD, GOOD, NOT, STOPS

_LABELS = ("positive", "negative", "neutral")


def material(question: Question) -> str:
    """Return the text that the question brings along, without the instruction."""
    text = question.text
    fenced = re.search(r"```\w*\n?(.*?)```|\"\"\"(.*?)\"\"\"|<text>(.*?)</text>", text, re.S)
    if fenced:
        return next(part for part in fenced.groups() if part is not None).strip()
    quoted = re.search(r"[\"“](.{12,})[\"”]", text, re.S)
    if quoted:
        return quoted.group(1).strip()
    head, colon, rest = text.partition(":")
    if colon and rest.strip() and len(head) < 240 and not rest.startswith("//"):
        return rest.strip()
    head, line, rest = text.partition("\n")
    if line and rest.strip():
        return rest.strip()
    # The text may have come in an earlier message.
    earlier = [said for said in question.said if len(said.split()) > 25]
    return earlier[-1] if earlier else ""


def classify(question: Question) -> Draft | None:
    """Judge the tone of a text."""
    asked = f"{question.lower}"
    if not re.search(
        r"\bsentiment\b|\bclassify\b|\bpositive(?:,| or|/)|\btone of\b|\bis th(?:is|e) "
        r"(?:review|text|comment|tweet) (?:positive|negative)|\bhow does .* feel\b",
        asked,
    ):
        return None
    text = material(question) or question.text
    labels = _own_labels(question.text)
    several = _each(text, asked)
    if len(several) > 1 and not (labels and not set(labels) & set(_LABELS)):
        return _judged_each(several)
    good, bad = _tone(text)
    label = "positive" if good > bad else "negative" if bad > good else "neutral"
    if labels and not set(labels) & set(_LABELS):
        return _by_label(text, labels, question)
    answer = next((own for own in _spelled(question.text) if own.lower() == label), label.capitalize())
    words = [word for word in re.findall(r"[\w']+", text.lower()) if word in (GOOD if label == "positive" else BAD)]
    because = (
        f"Words such as {', '.join(f'“{word}”' for word in dict.fromkeys(words[:3]))} give it away." if words else ""
    )
    share = round(0.5 + 0.5 * abs(good - bad) / (good + bad + 1), 2)
    return Draft(
        lead=answer if not _wants_reason(asked) else f"{answer}. {because}",
        short=answer,
        exact=True,
        data={"sentiment": label, "confidence": share},
    )


def _each(text: str, asked: str) -> list[str]:
    """Return the texts of which each is to be judged."""
    lines = [
        re.sub(r"^\s*(?:\d+[.)]|[-*])\s*", "", line).strip(" \"'“”,") for line in text.splitlines() if line.strip()
    ]
    if len(lines) > 1:
        return lines
    if ";" in text:
        return [part.strip(" \"'“”") for part in text.split(";") if part.strip()]
    quoted = re.findall(r"[\"“]([^\"“”]{3,})[\"”]", text)
    return quoted if len(quoted) > 1 or re.search(r"\beach\b", asked) else []


def _judged_each(texts: list[str]) -> Draft:
    labels = []
    for text in texts:
        good, bad = _tone(text)
        labels.append("positive" if good > bad else "negative" if bad > good else "neutral")
    lines = [
        f"{place}. {text.rstrip('.')} → **{label}**"
        for place, (text, label) in enumerate(zip(texts, labels, strict=True), 1)
    ]
    data = [{"text": text, "sentiment": label} for text, label in zip(texts, labels, strict=True)]
    return Draft(lead="\n".join(lines), short=", ".join(labels), exact=True, data=data)


def _wants_reason(asked: str) -> bool:
    return re.search(r"\b(?:why|explain|reason|justify)\b", asked) is not None


def _spelled(text: str) -> list[str]:
    return re.findall(r"\b(?:positive|negative|neutral)\b", text, re.I)


def _own_labels(text: str) -> list[str]:
    found = re.search(
        r"\b(?:as|into|labels?|categories|classes|one of)\b:?\s+((?:[\w-]+(?:, | or |, or | and |/))+[\w-]+)", text
    )
    return [part.lower() for part in re.split(r",? or |, and | and |, |/", found.group(1))] if found else []


def _by_label(text: str, labels: list[str], question: Question) -> Draft:
    lower = text.lower()
    hints = {
        "spam": r"\b(?:win|free|prize|click|offer|urgent|lottery|congratulations)\b|!!",
        "bug": r"\b(?:crash|error|broken|fails?|exception|wrong|not work)",
        "feature": r"\b(?:add|would be nice|support|wish|could you)",
        "billing": r"\b(?:invoice|charged?|refund|payment|price|bill)",
        "question": r"\?",
        "complaint": r"\b(?:bad|never|refund|angry)",
        "technical": r"\b(?:error|crash|install|login|password|bug)",
        "shipping": r"\b(?:deliver|parcel|package|ship|late)",
        "urgent": r"\b(?:now|asap|immediately|urgent|down)\b",
        "sports": r"\b(?:match|goal|team|season|coach|score)",
        "politics": r"\b(?:election|minister|parliament|vote|law)",
        "technology": r"\b(?:software|chip|app|computer|ai)\b",
    }
    scored = [
        (len(re.findall(hints.get(label.removesuffix("s"), rf"\b{re.escape(label)}"), lower)), label)
        for label in labels
    ]
    best = max(scored, key=lambda pair: pair[0])
    answer = best[1] if best[0] else labels[-1]
    return exactly(answer, data={"label": answer})


def _tone(text: str) -> tuple[int, int]:
    good = bad = 0
    words = re.findall(r"[\w']+", text.lower().replace("’", "'"))
    for place, word in enumerate(words):
        turned = bool(NOT & set(words[max(0, place - 3) : place]))
        if word in GOOD:
            good, bad = (good, bad + 1) if turned else (good + 1, bad)
        elif word in BAD and word not in NOT:
            good, bad = (good + 1, bad) if turned else (good, bad + 1)
    return good, bad


def summarise(question: Question) -> Draft | None:
    """Take the sentences that carry most of a text."""
    asked = question.lower
    if not re.search(r"\b(?:summari[sz]e|summary|tl;?dr|key points|main (?:points?|idea)|gist)\b", asked):
        return None
    text = material(question)
    if len(text.split()) < 12:
        return None
    parts = sentences(" ".join(text.split()))
    one = re.search(r"\bone sentence\b|\bsingle sentence\b|\btl;?dr\b|\bbriefly\b", asked)
    number = re.search(
        r"\b(\d|two|three|four|five)\b (?:key |main |short |bullet )*(?:points?|sentences|bullets)", asked
    )
    counts = {"two": 2, "three": 3, "four": 4, "five": 5}
    wanted = 1 if one else (counts.get(number.group(1)) or int(number.group(1))) if number else 1 + (len(parts) > 4)
    chosen = _weightiest(parts, wanted)
    if number or question.manner.bullets or question.model.style == "bullets":
        return exactly("\n".join(f"- {part}" for part in chosen), data={"summary": chosen})
    lead = " ".join(chosen)
    if question.model.style == "structured":
        return Draft(
            lead=lead,
            block="",
            title="Summary",
            more=(f"The text has {len(parts)} sentences.",),
            data={"summary": lead},
        )
    return exactly(lead, data={"summary": lead})


def _weightiest(parts: list[str], wanted: int) -> list[str]:
    words = [[word for word in re.findall(r"[^\W\d_]{3,}", part.lower()) if word not in STOPS] for part in parts]
    often = Counter(word for sentence in words for word in sentence)
    scores = {
        place: sum(often[word] for word in sentence) / (len(sentence) + 3) + (0.6 if place == 0 else 0.0)
        for place, sentence in enumerate(words)
    }
    best = sorted(scores, key=lambda place: -scores[place])[:wanted]
    return [parts[place] for place in sorted(best)]


def rewrite(question: Question) -> Draft | None:
    """Correct or reshape a short text; and count what is in one."""
    asked = question.lower
    text = material(question)
    if text and re.search(
        r"\bhow many (words|characters|letters|sentences)\b|\bcount the (words|characters|letters)\b", asked
    ):
        kind = "words" if "words" in asked else "sentences" if "sentences" in asked else "characters"
        number = {"words": len(text.split()), "sentences": len(sentences(text)), "characters": len(text)}[kind]
        return Draft(lead=f"The text has **{number}** {kind}.", short=str(number), data={kind: number})
    letters = re.search(
        r"\bhow many (?:letter |times does )?[\"']?([a-z])[\"']?(?:'s|s)? .*?\b(?:in|word)\b (?:the word "
        r")?[\"']?([a-z]+)",
        asked,
    )
    if letters:
        number = letters.group(2).count(letters.group(1))
        return Draft(
            lead=f"“{letters.group(2)}” has **{number}** × “{letters.group(1)}”.",
            short=str(number),
            data={"count": number},
        )
    if text and re.match(r"(?:please )?(?:upper ?case|capitali[sz]e)\b", asked):
        return exactly(text.upper())
    if text and re.match(r"(?:please )?(?:reverse)\b", asked) and len(text) < 200:
        return exactly(text[::-1])
    if text and re.search(r"\b(?:sort|alphabeti[sz]e|alphabetical)\b", asked) and ("," in text or "\n" in text):
        items = sorted((item.strip() for item in re.split(r"[,\n]", text) if item.strip()), key=str.lower)
        return exactly(", ".join(items), data=items)
    if text and re.search(r"\b(?:valid json|fix (?:this )?json|format (?:this )?json)\b", asked):
        try:
            return exactly(f"```json\n{json.dumps(json.loads(text), indent=2)}\n```")
        except ValueError as error:
            return Draft(lead=f"That is not valid JSON: {error}.")
    return None
