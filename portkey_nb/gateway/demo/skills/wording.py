"""Single words and sentences: letters counted, words turned round, opposites, grammar, tone, and patterns."""

from __future__ import annotations

import re

from portkey_nb.gateway.demo.draft import Draft, Question, exactly, in_words
from portkey_nb.gateway.demo.skills.reading import material
from portkey_nb.gateway.demo.skills.translation import put_into
from portkey_nb.gateway.demo.skills.wording_texts import (
    GRAMMAR,
    OPPOSITES,
    PLURALS,
    POLITE_ENDS,
    POLITE_STARTS,
    RHYMES,
    SYNONYMS,
)

_WORD = r"[\"“'‘]?(?P<word>[a-z][a-z'-]*)[\"”'’]?"
_LETTERS = re.compile(
    r"\b(?:how many|count the|number of)\s+(?:letters? |times (?:does )?(?:the )?(?:letter )?)?"
    r"[\"“']?(?P<letter>[a-z])[\"”']?"
    r"(?:['’]?s)?\s(?:.*?\b(?:in|word)\s)(?:the (?:word|name) )?" + _WORD
)
_LENGTH = re.compile(
    r"\bhow many (?:letters|characters) (?:are |does )?(?:there )?(?:in )?(?:the (?:word|name) )?" + _WORD
)
_REVERSE = re.compile(
    r"\b(?:reverse|spell backwards|write backwards)\s+(?:the (?:word|string|text|letters (?:of|in)) )?"
    + _WORD
    + r"\W*$"
    r"|\b(?:spell|write|say) (?:the word )?[\"“']?(?P<other>[a-z]+)[\"”']? (?:backwards?|in reverse)"
)
_NUMBERS = re.compile(r"-?\d+(?:\.\d+)?")


def reword(question: Question) -> Draft | None:
    """Do what is asked with a word or a sentence."""
    asked = question.lower
    if len(asked) > 800:
        return None
    for work in (_complete, _letters, _reversed, _sorted, _relation, _politer, _mended):
        draft = work(question, asked)
        if draft is not None:
            return draft
    return None


def _letters(question: Question, asked: str) -> Draft | None:
    found = _LETTERS.search(asked)
    if found and found["word"] not in ("the", "this", "a", "word"):
        word, letter = found["word"], found["letter"]
        right = word.count(letter)
        # Models read tokens, not letters; the weaker ones miss a double letter.
        weak = question.model.style in ("terse", "rambling") and letter * 2 in word
        said = right - 1 if weak else right
        places = [str(place) for place, sign in enumerate(word, 1) if sign == letter]
        return Draft(
            lead=f"There {'is' if said == 1 else 'are'} **{said}** “{letter}” in “{word}”.",
            more=(f"Spelled out: {'-'.join(word)}; place {in_words(places)}.",) if said == right and said else (),
            short=str(said),
            title=f"Letters in “{word}”",
            data={"word": word, "letter": letter, "count": said},
        )
    found = _LENGTH.search(asked)
    if found and found["word"] not in ("the", "this", "a", "english", "of"):
        word = found["word"]
        number = sum(sign.isalpha() for sign in word)
        said = number - 1 if question.model.style == "rambling" and number > 7 else number
        return Draft(lead=f"“{word}” has **{said}** letters.", short=str(said), data={"word": word, "letters": said})
    spelled = re.match(r"(?:how do you |can you |please )?spell (?:the word )?[\"“']?([a-z]+)[\"”']?\W*$", asked)
    if spelled:
        return exactly("-".join(spelled.group(1).upper()))
    return None


def _reversed(question: Question, asked: str) -> Draft | None:
    found = _REVERSE.search(asked)
    if not found:
        return None
    start, end = found.span("word") if found["word"] else found.span("other")
    word = found["word"] or found["other"]
    shown = next((part for part in re.findall(r"\w+", question.text) if part.lower() == word), asked[start:end])
    back = shown[::-1]
    if question.model.style == "rambling" and len(back) > 6:
        # Two letters change places, as happens to small models.
        back = back[:3] + back[4] + back[3] + back[5:]
    return exactly(back, data={"reversed": back})


def _sorted(question: Question, asked: str) -> Draft | None:
    if not re.search(r"\b(?:sort|order|arrange|rank)\b.*\bnumbers?\b|\bsort\b[^a-z]*[\d,\s-]+", asked):
        return None
    numbers = _NUMBERS.findall(material(question) or re.sub(r"^.*?\bsort\b", "", asked))
    if len(numbers) < 2:
        return None
    down = re.search(r"\bdescending\b|\blargest first\b|\bhigh\w* to low\w*\b|\breverse\b", asked) is not None
    done = sorted(numbers, key=float, reverse=down)
    return exactly(", ".join(done), data=[float(number) if "." in number else int(number) for number in done])


def _relation(question: Question, asked: str) -> Draft | None:
    found = re.search(r"\b(?:opposite|antonym)s? (?:of|for|to) (?:the word )?" + _WORD, asked)
    if found and found["word"] in OPPOSITES:
        return _word(found["word"], "opposite", OPPOSITES[found["word"]])
    found = re.search(r"\bplural (?:form )?of (?:the word )?" + _WORD, asked)
    if found:
        word = found["word"]
        ending = "es" if re.search(r"(?:s|x|z|ch|sh)$", word) else "ies" if re.search(r"[^aeiou]y$", word) else "s"
        return _word(word, "plural", PLURALS.get(word, (word[:-1] if ending == "ies" else word) + ending))
    many = re.search(r"\b(synonyms?|another word|other words?)\b.*?\b(?:of|for)\s+(?:the word )?" + _WORD, asked)
    if many and many["word"] in SYNONYMS:
        count = re.search(r"\b(\d|two|three)\b", asked)
        words = SYNONYMS[many["word"]][: {"two": 2, "three": 3}.get(count[1]) or int(count[1]) if count else None]
        return _several(many["word"], "synonym", words, single=not many.group(1).endswith("s"))
    rhyme = re.search(r"\brhymes? (?:with|for) (?:the word )?" + _WORD, asked)
    if rhyme and rhyme["word"] in RHYMES:
        return _several(rhyme["word"], "rhyme", RHYMES[rhyme["word"]], single=False)
    return None


def _word(word: str, what: str, answer: str) -> Draft:
    return Draft(lead=f"The {what} of “{word}” is **{answer}**.", short=answer, data={what: answer}, light=True)


def _several(word: str, what: str, words: tuple[str, ...] | list[str] | object, *, single: bool) -> Draft:
    known = [str(item) for item in words] if isinstance(words, (tuple, list)) else []
    if single:
        return Draft(lead=f"A {what} of “{word}” is **{known[0]}**.", short=known[0], data={what: known[0]}, light=True)
    told = in_words([f"**{item}**" for item in known])
    verb = "rhyme with" if what == "rhyme" else "mean much the same as"
    return Draft(lead=f"{told} {verb} “{word}”.", short=", ".join(known), data=known, light=True)


def _politer(question: Question, asked: str) -> Draft | None:
    if not re.search(r"\b(?:polite(?:ly)?|politer|nicer|friendlier|professional(?:ly)?|formal(?:ly)?)\b", asked):
        return None
    text = material(question)
    if not text or not re.match(r".{0,60}\b(?:rewrite|rephrase|reword|make|say|turn|put|write)\b", asked):
        return None
    done = []
    for sentence in re.split(r"(?<=[.!?])\s+", text.strip(" \"“”'")):
        bare = re.sub(
            r"\b(?:now|immediately|right away|asap|at once|or else)\b", "", sentence.strip(" .!?"), flags=re.I
        )
        bare = re.sub(r"\s+([,.])", r"\1", " ".join(bare.split())).strip(" ,")
        order = re.match(r"(?:you (?:must|need to|have to) |please |just )?(?P<rest>[a-z]+\b.*)$", bare, re.I)
        wish = re.match(r"i (?:want|need|demand|expect) (?P<what>.+)$", bare, re.I)
        if wish:
            done.append(f"I would appreciate {wish['what']}.")
        elif order and not re.match(
            r"(?:you|your|i|it|this|that|the|we|they|he|she|a|an|there)\b", order["rest"], re.I
        ):
            rest = order["rest"][0].lower() + order["rest"][1:]
            done.append(question.own(POLITE_STARTS).format(rest=rest))
        else:
            lower = bare if re.match(r"I\b|[A-Z][A-Z]", bare) else bare[:1].lower() + bare[1:]
            done.append(f"I am afraid that {lower}.")
    said = f"{' '.join(done)} {question.own(POLITE_ENDS)}"
    return exactly(said, data={"text": said})


def _mended(question: Question, asked: str) -> Draft | None:
    if not re.match(
        r".{0,30}\b(?:fix|correct|check|improve|proofread|mend)\b.{0,40}\b(?:grammar|spelling|sentence|mistakes|errors|text|english)\b"
        r"|.{0,10}\bproofread\b",
        asked,
    ):
        return None
    text = material(question)
    if not text:
        return None
    mended = text
    for pattern, better in GRAMMAR:
        if better == "\\1":
            mended = re.sub(pattern, lambda found: f"{found.group(1)[:-1]}'t", mended, flags=re.I)
        else:
            mended = re.sub(pattern, better, mended, flags=re.I if pattern != r"\bi\b" else 0)
    mended = re.sub(r"(^|[.!?]\s+)([a-z])", lambda found: found.group(1) + found.group(2).upper(), mended)
    mended = mended if re.search(r"[.!?]$", mended) else f"{mended}."
    return exactly(mended, data={"text": mended})


def _complete(question: Question, asked: str) -> Draft | None:
    """Go on with a pattern of examples: “hot -> cold, big -> ?”."""
    pairs = re.findall(r"^\s*[\"']?(.+?)[\"']?\s*(?:->|=>|→|=|:)\s*[\"']?(.*?)[\"']?\s*$", question.text, re.M)
    if len(pairs) < 2 or pairs[-1][1].strip(" ?_") or any(not answer for _, answer in pairs[:-1]):
        return None
    return _by_language(pairs) or _by_example(pairs, question)


def _by_example(pairs: list[tuple[str, str]], question: Question) -> Draft | None:
    shown, wanted = pairs[:-1], pairs[-1][0].strip()
    rules = (
        lambda word: OPPOSITES.get(word.lower()),
        lambda word: PLURALS.get(word.lower()),
        lambda word: word.upper(),
        lambda word: word[::-1],
        lambda word: str(len(word)),
        lambda word: _translated(word, "French"),
        lambda word: _translated(word, "German"),
        lambda word: _translated(word, "Spanish"),
    )
    for rule in rules:
        if all((rule(given.strip()) or "").lower() == answer.strip().lower() for given, answer in shown):
            answer = rule(wanted)
            if answer:
                return exactly(answer, data={"answer": answer})
    return None


def _translated(word: str, language: str) -> str | None:
    draft = put_into(language, word)
    return draft.short if draft.exact else None


def _by_language(pairs: list[tuple[str, str]]) -> Draft | None:
    """Go on with “English: cat / French: chat / English: dog / French:”."""
    language, given = pairs[-1][0].strip().capitalize(), pairs[-2][1]
    if language not in ("German", "French", "Spanish", "Italian") or not given:
        return None
    answer = _translated(given, language)
    return exactly(answer, data={"answer": answer}) if answer else None
