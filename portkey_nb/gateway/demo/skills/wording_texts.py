"""Word lists: opposites, synonyms, plurals, rhymes, mistakes of grammar and blunt phrases with their mended forms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = ["GRAMMAR", "OPPOSITES", "PLURALS", "POLITE_ENDS", "POLITE_STARTS", "RHYMES", "SYNONYMS"]

_PAIRS = (
    "hot-cold happy-sad big-small good-bad fast-slow light-dark day-night up-down left-right "
    "old-new rich-poor tall-short "
    "open-closed love-hate early-late wet-dry "
    "hard-soft strong-weak full-empty loud-quiet true-false win-lose high-low "
    "long-brief buy-sell start-end easy-difficult sweet-sour clean-dirty yes-no in-out black-white warm-cool war-peace "
    "young-aged wide-narrow thick-thin heavy-weightless deep-shallow brave-cowardly smooth-rough ancient-modern"
)
OPPOSITES: Mapping[str, str] = {
    **{a: b for pair in _PAIRS.split() for a, b in (pair.split("-"), pair.split("-")[::-1])},
    "short": "tall",
    "small": "big",
    "heavy": "light",
    "young": "old",
    "long": "short",
    "hard": "soft",
    "large": "small",
    "difficult": "easy",
}
SYNONYMS: Mapping[str, Sequence[str]] = {
    "happy": ("glad", "cheerful", "joyful", "content"),
    "sad": ("unhappy", "downcast", "sorrowful", "blue"),
    "big": ("large", "great", "huge", "vast"),
    "small": ("little", "tiny", "slight", "minute"),
    "fast": ("quick", "swift", "rapid", "speedy"),
    "slow": ("unhurried", "sluggish", "leisurely"),
    "good": ("fine", "excellent", "sound", "worthy"),
    "bad": ("poor", "dreadful", "faulty", "wicked"),
    "smart": ("clever", "bright", "sharp", "quick-witted"),
    "beautiful": ("lovely", "handsome", "fair", "gorgeous"),
    "important": ("essential", "vital", "weighty", "significant"),
    "difficult": ("hard", "tricky", "demanding", "tough"),
    "easy": ("simple", "effortless", "plain"),
    "angry": ("cross", "furious", "irate", "annoyed"),
    "tired": ("weary", "drowsy", "worn out", "exhausted"),
    "interesting": ("absorbing", "engaging", "intriguing"),
    "help": ("aid", "assist", "support"),
}
PLURALS: Mapping[str, str] = {
    "mouse": "mice", "child": "children", "person": "people", "man": "men", "woman": "women", "foot": "feet",
    "tooth": "teeth", "goose": "geese", "ox": "oxen", "sheep": "sheep", "fish": "fish", "leaf": "leaves",
    "knife": "knives", "wife": "wives", "wolf": "wolves", "cactus": "cacti", "analysis": "analyses",
    "crisis": "crises", "criterion": "criteria", "phenomenon": "phenomena", "index": "indices", "datum": "data",
    "deer": "deer", "potato": "potatoes", "tomato": "tomatoes", "hero": "heroes",
}  # fmt: skip
RHYMES: Mapping[str, Sequence[str]] = {
    "cat": ("hat", "mat", "bat", "flat", "chat"),
    "day": ("way", "play", "grey", "stay", "delay"),
    "night": ("light", "bright", "sight", "kite", "white"),
    "love": ("dove", "above", "glove", "shove"),
    "heart": ("part", "start", "art", "smart"),
    "time": ("rhyme", "climb", "lime", "prime"),
    "blue": ("true", "new", "view", "shoe"),
    "sea": ("free", "tree", "key", "be"),
    "moon": ("soon", "spoon", "tune", "June"),
    "star": ("far", "car", "guitar", "are"),
    "code": ("road", "load", "mode", "toad"),
    "house": ("mouse", "blouse", "grouse"),
    "dog": ("fog", "log", "frog", "blog"),
}
GRAMMAR: Sequence[tuple[str, str]] = (
    (r"\b(he|she|it) (?:dont|don't)\b( likes?| knows?| wants?| needs?| goes| has)?", "\\1 doesn't\\2"),
    (r"\bdoesn't (like|know|want|need)s\b", "doesn't \\1"),
    (r"\bdoesn't (?:goes)\b", "doesn't go"),
    (r"\bdoesn't has\b", "doesn't have"),
    (r"\b(dont|cant|wont|isnt|wasnt|didnt|doesnt|arent|werent|couldnt|shouldnt|wouldnt|havent|hasnt)\b", "\\1"),
    (r"\bi\b", "I"),
    (r"\bim\b", "I'm"),
    (r"\b(I|we|they|you|he|she|it) go(?:es)? ((?:\w+ ){0,4}(?:yesterday|last \w+|ago))\b", "\\1 went \\2"),
    (r"\b(I|we|they|you|he|she) eats? ((?:\w+ ){0,4}(?:yesterday|last \w+|ago))\b", "\\1 ate \\2"),
    (r"\b(I|we|they|you|he|she) sees? ((?:\w+ ){0,4}(?:yesterday|last \w+|ago))\b", "\\1 saw \\2"),
    (r"\b(I|we|they|you|he|she) buys? ((?:\w+ ){0,4}(?:yesterday|last \w+|ago))\b", "\\1 bought \\2"),
    (r"\b(he|she|it) (go)\b", "\\1 goes"),
    (r"\b(he|she|it) have\b", "\\1 has"),
    (r"\b(he|she|it) do\b", "\\1 does"),
    (r"\b(he|she|it) (like|want|need|know|live|work|play|eat|come|make|take|run|walk|love|say)\b", "\\1 \\2s"),
    (r"\b(we|they|you) (?:was)\b", "\\1 were"),
    (r"\b(I|he|she|it) were\b(?! to)", "\\1 was"),
    (r"\b(we|they|you) is\b", "\\1 are"),
    (r"\bI (?:is|are)\b", "I am"),
    (r"\b(he|she|it) are\b", "\\1 is"),
    (r"\b(I|we|they|you) has\b", "\\1 have"),
    (r"\bme and (\w+) (?=went|go|are|were|have|like|saw)", "\\1 and I "),
    (r"\b(more) (better|faster|easier|bigger|worse)\b", "\\2"),
    (r"\b(could|should|would|must) of\b", "\\1 have"),
    (r"\byour (welcome|right|wrong|late|the best|going|not)\b", "you're \\1"),
    (r"\btheir (is|are|was|were)\b", "there \\1"),
    (r"\bits (a|an|the|not|been|raining|cold|hot|late|time)\b", "it's \\1"),
    (r"\balot\b", "a lot"),
    (r"\bthere (?:is|was) (many|several|two|three|four|five)\b", "there are \\1"),
    (r"\ba (?=[aeio]\w)(?!one|once|european|unicorn|user|university)", "an "),
    (r"\b(teh)\b", "the"),
    (r"\brecieve", "receive"),
    (r"\bdefinately\b", "definitely"),
    (r"\bseperate", "separate"),
    (r"\boccured\b", "occurred"),
    (r"\binformations\b", "information"),
    (r"\bpeoples\b", "people"),
    (r"\bchilds\b", "children"),
)
"""Mistake -> what it should be, worked through in this order."""
POLITE_STARTS: Sequence[str] = (
    "Could you please {rest}?",
    "Would you be so kind as to {rest}?",
    "When you have a moment, could you {rest}?",
    "I would be grateful if you could {rest}.",
)
POLITE_ENDS: Sequence[str] = ("Thank you very much.", "Thank you for your help.", "Many thanks in advance.")
