"""Haiku, poems, limericks, jokes and very short stories, all written for the demo."""

from __future__ import annotations

import re
from collections.abc import Sequence

from portkey_nb.gateway.demo.draft import Draft, Question, exactly

_HAIKU = (
    ("autumn|leaf|leaves|fall", "A leaf leaves the branch,\nwrites one slow word on the wind,\nand the pond reads it."),
    ("spring|cherry|blossom", "Snow forgets its name;\nalong the gutter, one drop\npractises the spring."),
    ("sea|ocean|wave|beach", "The tide counts the stones,\nloses its place at evening,\nand begins again."),
    (
        "code|program|python|bug|computer|software",
        "One missing bracket:\nall night the small cursor blinks,\npatient as the moon.",
    ),
    (
        "data|statistic|model|ai\\b|machine|notebook",
        "Ten thousand gray dots,\nand then, between two columns,\na quiet straight line.",
    ),
    ("rain|storm|cloud", "Rain on the tin roof\nspeaks all its sentences twice\nso the house may hear."),
    ("cat|kitten", "The cat owns the light\nthat comes in at three o'clock\nand moves when it moves."),
    ("mountain|snow|winter", "White beyond the ridge,\na crow folds up its black wings\nand winter goes on."),
    ("moon|night|star", "The moon, late again,\nslips in over the dark roofs\nwithout any shoes."),
)
_POEMS = (
    "The kettle hums, the window clears,\nthe street puts on its grey,\nand out of all the quiet hours\n"
    "there steps a working day.\n\nIt has no trumpet and no flag,\nit only knows its way;\nyou give it bread, you "
    "give it light,\n"
    "and something learns to stay.",
    "I asked the river where it went.\nIt said: to where I'm sent.\nI asked the stone if it would go.\n"
    "It said: I'm slow, I'm slow.\n\nBetween the two I built a house\nwith one door and one wall;\n"
    "the river took it in the spring.\nThe stone recalls it all.",
    "There is a lamp that someone left\nalight upon a stair;\nwhoever climbs by it at night\n"
    "finds other footprints there.\n\nWe do not meet, we do not speak,\nwe trade one flame between;\n"
    "and every step is lighter for\nthe step that has not been.",
)
_LIMERICKS = (
    "A coder who lived in Trieste\nput all of her faith in one test.\nIt passed with a cheer,\nbut was skipped, it "
    "was clear,\n"
    "and the bug had the night off to rest.",
    "A statistician named Claire\nsaw patterns in curls of her hair.\nHer p came out small,\nshe told one and all,\n"
    "then combed it: there no longer there.",
)
_JOKES = (
    "Why did the DataFrame break up with the list? It needed someone with more columns.",
    "A statistician drowned in a river that was one metre deep. On average.",
    "I asked the model for a random number. It said seven. It always says seven.",
    "There are two hard things in computing: naming, invalidating caches, and counting to two.",
    "Why do programmers prefer tea? Because Java keeps throwing exceptions before breakfast.",
)
_STORIES = (
    "The lighthouse keeper had never missed an evening. On the night the lamp failed, he lit every candle in the "
    "house and "
    "carried them up one by one. In the morning a captain came ashore to ask about the strange new star. The "
    "keeper pointed "
    "at his stairs, where the wax had made a road.",
    "Mira's grandmother repaired clocks, but never set them. “Time is the customer's business,” she said. When "
    "Mira inherited "
    "the shop, two hundred clocks showed two hundred hours. She set none of them either. People still come in, she "
    "found, "
    "mostly to choose one.",
    "The robot was told to water the garden until it was happy. It watered the roses, the beans and the fence. At "
    "dusk it "
    "sat down beside the tin can and waited. A boy came by, saw it, and put a flower into the can. The robot "
    "noted: done.",
)

_TITLES = (
    "{Topic}: What We Know and What We Only Think We Know",
    "A Field Guide to {topic}",
    "Ten Minutes with {topic}",
    "{Topic}, Reconsidered",
)
_SLOGANS = (
    "{Topic}. Simply done well.",
    "Less fuss, more {topic}.",
    "{Topic}: worth the wait.",
    "Come for {topic}, stay for more.",
)


def recite(question: Question) -> Draft | None:
    """Recite something of the kind that is asked for."""
    asked = question.lower
    if len(asked) > 300:
        return None
    if re.search(r"\bhaiku\b", asked):
        fitting = [verse for pattern, verse in _HAIKU if re.search(rf"\b(?:{pattern})", asked)]
        return _verse(fitting or [verse for _, verse in _HAIKU], question)
    if re.search(r"\blimerick\b", asked):
        return _verse(_LIMERICKS, question)
    if re.search(r"\b(?:poem|verses?|sonnet|rhyme)\b", asked):
        return _verse(_POEMS, question)
    if re.search(r"\bjokes?\b|\bmake me laugh\b|\bsomething funny\b", asked):
        return exactly(question.chance.pick(_JOKES))
    if re.search(r"\b(?:story|tale)\b", asked) and re.search(r"\b(?:write|tell|short|make)\b", asked):
        words = [
            word for word in re.findall(r"[a-z]{4,}", asked) if word not in ("short", "story", "write", "tell", "about")
        ]
        fitting = [story for story in _STORIES if any(word in story.lower() for word in words)]
        return exactly(question.chance.pick(fitting or _STORIES))
    named = re.search(
        r"\b(title|headline|slogan|tagline)s?\b.*?\b(?:for|about|on)\s+(?:an? )?(?:\w+ (?:about|on) "
        r")?(.{3,50}?)[.?!]*$",
        asked,
    )
    if named:
        topic = named.group(2)
        plans = _SLOGANS if named.group(1) in ("slogan", "tagline") else _TITLES
        return exactly(question.chance.pick(plans).format(topic=topic, Topic=topic[0].upper() + topic[1:]))
    if re.search(r"\b(?:flip|toss) a coin\b|\bheads or tails\b", asked):
        return exactly(question.chance.pick(("Heads.", "Tails.")))
    if re.search(r"\brandom number\b|\broll a (?:die|dice)\b", asked):
        return _random(asked, question)
    return None


def _verse(options: Sequence[str], question: Question) -> Draft:
    # Two blanks at the end of a line keep it a line of its own in Markdown.
    verse = question.chance.pick(options)
    return exactly(re.sub(r"(?<=[^\n])\n(?=[^\n])", "  \n", verse), data={"text": verse})


def _random(asked: str, question: Question) -> Draft:
    found = re.search(r"\b(\d{1,6})\s*(?:and|to|-)\s*(\d{1,6})\b", asked)
    low, high = (int(found.group(1)), int(found.group(2))) if found else (1, 6 if "roll" in asked else 100)
    low, high = min(low, high), max(low, high)
    number = question.chance.pick(range(low, high + 1))
    return exactly(str(number), data={"number": number})
