"""Lists of things, as many as asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from portkey_nb.gateway.demo.draft import Draft, Question, exactly, in_words
from portkey_nb.gateway.demo.skills.fact_table import CAPITALS, PLANETS, SYMBOLS

_COUNTS = {"a": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9}
_COUNTS |= {"ten": 10, "twelve": 12, "fifteen": 15, "twenty": 20, "some": 5, "a few": 3, "several": 5, "a couple of": 2}
_USUAL = 5

_THINGS: Mapping[str, str] = {
    "fruits?": "apple, banana, orange, mango, strawberry, grape, pear, kiwi, pineapple, cherry, peach, plum, "
    "papaya, fig, lemon",
    "berries": "strawberry, raspberry, blueberry, blackberry, gooseberry, cranberry, elderberry",
    "vegetables?": "carrot, broccoli, spinach, potato, tomato, onion, pepper, cucumber, pumpkin, leek, kale, celery",
    "colou?rs?": "red, blue, green, yellow, orange, purple, white, black, pink, turquoise, brown, grey",
    "animals?": "elephant, tiger, dolphin, eagle, horse, penguin, wolf, octopus, kangaroo, tortoise, owl, fox",
    "mammals?": "whale, bat, elephant, horse, dog, bear, otter, mouse, giraffe, seal",
    "birds?": "robin, eagle, owl, penguin, sparrow, stork, heron, parrot, swift, kingfisher",
    "fish(?:es)?": "salmon, tuna, trout, cod, herring, carp, pike, mackerel",
    "insects?": "ant, bee, butterfly, dragonfly, beetle, cricket, moth, mosquito",
    "dinosaurs?": "Tyrannosaurus, Triceratops, Stegosaurus, Velociraptor, Brachiosaurus, Diplodocus, Iguanodon",
    "flowers?": "rose, tulip, daisy, lily, sunflower, orchid, daffodil, violet, iris, poppy",
    "trees?": "oak, maple, pine, birch, beech, willow, chestnut, cedar, lime, ash",
    "(?:musical )?instruments?": "piano, violin, guitar, flute, drums, cello, trumpet, clarinet, harp, saxophone",
    "sports?": "football, tennis, swimming, basketball, rowing, cycling, athletics, judo, volleyball, skiing",
    "continents?": "Africa, Antarctica, Asia, Europe, North America, Australia, South America",
    "oceans?": "Pacific, Atlantic, Indian Ocean, Southern Ocean, Arctic Ocean",
    "rivers?": "Nile, Amazon, Yangtze, Mississippi, Danube, Ganges, Rhine, Congo, Mekong, Volga",
    "mountains?": "Mount Everest, K2, Kangchenjunga, Kilimanjaro, Denali, Mont Blanc, Matterhorn, Aconcagua, Mount "
    "Fuji",
    "cities": "Tokyo, Paris, Nairobi, Lima, Sydney, Toronto, Mumbai, Istanbul, Buenos Aires, Stockholm",
    "european countries|countries in "
    "europe": "France, Germany, Spain, Italy, Poland, Sweden, Portugal, Greece, Finland, Austria",
    "countries": "Brazil, Kenya, Japan, Canada, France, India, Australia, Egypt, Norway, Peru, Vietnam, Mexico",
    "languages(?! model)": "English, Mandarin, Hindi, Spanish, French, Arabic, Portuguese, Swahili, German, Japanese",
    "programming languages": "Python, JavaScript, Java, C++, Rust, Go, R, Julia, Ruby, Swift, Kotlin, Haskell",
    "(?:python )?(?:libraries|packages)": "NumPy, pandas, Matplotlib, scikit-learn, Requests, PyTorch, SciPy, "
    "SQLAlchemy, Polars, pytest",
    "(?:data )?visuali[sz]ation (?:libraries|tools)": "Matplotlib, seaborn, Plotly, Altair, Bokeh, plotnine",
    "(?:machine learning |ml "
    ")?algorithms?": "linear regression, random forest, gradient boosting, k-means, k-nearest neighbours, "
    "support vector machine, naive Bayes, principal component analysis",
    "sorting algorithms?": "quicksort, merge sort, heapsort, insertion sort, bubble sort, Timsort, radix sort",
    "data structures?": "array, linked list, stack, queue, hash table, binary tree, heap, graph, trie",
    "databases?": "PostgreSQL, SQLite, MySQL, MongoDB, Redis, DuckDB, ClickHouse, Cassandra",
    "operating systems?": "Linux, macOS, Windows, Android, iOS, FreeBSD",
    "(?:large )?language models?|llms?": "GPT-4o, Claude Sonnet, Gemini Flash, Llama, Mistral, Qwen, DeepSeek",
    "metrics": "accuracy, precision, recall, F1 score, ROC AUC, mean absolute error, root mean squared error, log loss",
    "scientists?|physicists?": "Marie Curie, Albert Einstein, Isaac Newton, Ada Lovelace, Charles Darwin, Rosalind "
    "Franklin, Niels Bohr",
    "painters?|artists?": "Frida Kahlo, Claude Monet, Vincent van Gogh, Artemisia Gentileschi, Rembrandt, Hokusai, "
    "Paul Klee",
    "composers?": "Bach, Mozart, Clara Schumann, Beethoven, Debussy, Stravinsky, Verdi",
    "(?:novels?|books?)": "Pride and Prejudice, Don Quixote, Middlemarch, Moby-Dick, Beloved, The Trial, War and Peace",
    "(?:movies?|films?)": "Casablanca, Seven Samurai, Metropolis, Spirited Away, Some Like It Hot, Bicycle Thieves",
    "chees(?:es?|e types)": "Brie, Cheddar, Gouda, Parmesan, Feta, Roquefort, Manchego, Emmental",
    "(?:breakfast )?(?:foods?|dishes)": "porridge, pancakes, omelette, pasta, curry, risotto, soup, salad, dumplings",
    "drinks?|beverages?": "water, tea, coffee, orange juice, lemonade, milk, cocoa",
    "days(?: of the week)?": "Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday",
    "months(?: of the "
    "year)?": "January, February, March, April, May, June, July, August, September, October, November, December",
    "(?:random |first )?names": "Ana, Bo, Chidi, Dana, Emil, Fatima, Goran, Hana, Ines, Jun",
    "seasons": "spring, summer, autumn, winter",
    "emotions?|feelings?": "joy, sadness, anger, fear, surprise, disgust, pride, gratitude",
    "(?:\\w+ )?names? for (?:a|my|our) (?:\\w+ )?(?:cat|kitten)s?|cat names?": "Miso, Pixel, Luna, Basil, "
    "Noodle, Ziggy, Clementine, Mochi",
    "(?:\\w+ )?names? for (?:a|my|our) (?:\\w+ )?(?:dog|puppy)|dog names?": "Biscuit, Rufus, Maple, Scout, "
    "Hazel, Otto, Pepper, Juno",
    "(?:startup|company|product|app|team|project) names?|names? for (?:a|an|my|our|the) "
    "(?:startup|company|product|app|team|"
    "project|business|band|shop)": "Brightloom, Northpath, Tallymark, Fernlight, Quillworks, Copperleaf, "
    "Driftwise, Lumenbay",
    "(?:uses?|use cases?|applications?) (?:of|for) (?:an? )?(?:llms?|language "
    "models?|ai|chatbots?)": "summarising long documents, "
    "drafting replies, extracting fields from free text, explaining code, classifying feedback, searching by meaning",
    "(?:benefits|advantages) of (?:exercise|sports?|running|walking)": "better sleep, a stronger heart, a "
    "brighter mood, "
    "stronger muscles and bones, a longer life",
    "hobbies": "reading, gardening, cycling, cooking, chess, photography, pottery, birdwatching",
    "(?:healthy )?habits": "sleeping enough, walking every day, drinking water, eating vegetables, calling a friend",
    "(?:renewable )?energy sources|sources of (?:renewable "
    ")?energy": "solar, wind, hydropower, geothermal, biomass, tidal",
    "gases": "oxygen, nitrogen, hydrogen, helium, argon, carbon dioxide, methane",
    "shapes": "circle, triangle, square, pentagon, hexagon, ellipse, trapezium",
    "european (?:capitals|capital cities)|capitals (?:of|in) "
    "europe": "Paris, Berlin, Madrid, Rome, Vienna, Warsaw, Lisbon, Athens, Oslo, Dublin, Prague, Budapest",
    "(?:\\w+ )?capitals|capital cities": ", ".join(city for city, _ in CAPITALS.values()),
    "(?:chemical )?elements?": ", ".join(name for name in SYMBOLS if name != "aluminum"),
    "planets?": ", ".join(PLANETS),
}
"""Pattern of a kind of thing -> things of it, the best known first."""
_IN_ORDER = re.compile(r"planet|day|month|season|continent|ocean")
_ASKED = re.compile(
    r"\b(?:list|name|give me|tell me|show me|suggest|generate|brainstorm|what are|write down|enumerate|"
    r"i need|recommend|come up "
    r"with|think of)\s+"
    r"(?:me\s+)?(?:the\s+|all\s+)*(?:names? of\s+|(?:first|top|best)\s+)?"
    r"(?P<count>\d{1,3}|a few|a couple of|\w+)?\s*(?P<rest>.{0,120})",
)


def enumerate_things(question: Question) -> Draft | None:
    """List things of a kind."""
    # “A JSON array of three fruits” is a list of three fruits, written as JSON.
    asked = re.sub(r"\b(?:an? |the )?(?:valid )?json (?:array|list|object)? ?(?:of|with) ", "", question.lower)
    found = _ASKED.search(asked)
    if not found:
        return None
    word = found["count"] or ""
    count = int(word) if word.isdigit() else _COUNTS.get(word)
    if word == "a" and re.match(r"(?:short |long )?list of ", found["rest"]):
        count = None
    rest = found["rest"] if count else f"{word} {found['rest']}"
    rest = re.sub(r"^(?:a )?(?:short |long )?list of (?:the )?", "", rest.strip())
    numbers = _numbers(rest, count or _USUAL)
    if numbers is not None:
        return _listed(numbers[0], numbers[1], question)
    kinds = [kind for kind in _THINGS if re.search(rf"^(?:\w+[ ,]+){{0,3}}?(?:{kind})\b", rest)]
    if not kinds:
        return None
    kind = max(kinds, key=len)
    things = _THINGS[kind].split(", ")
    if not _IN_ORDER.search(kind):
        things = question.chance.order(things)
    elif count is None:
        count = len(things)
    noun = re.search(kind, rest)
    assert noun is not None
    kind = re.sub(r"\beurop", "Europ", re.sub(r"\bpython", "Python", noun.group(0)))
    return _listed(kind, things[: count or _USUAL], question, wanted=count)


def things_of(kind: str) -> list[str]:
    """Return the things of a kind, or nothing where the kind is not known."""
    fitting = [pattern for pattern in _THINGS if re.search(rf"\b(?:{pattern})$", kind)]
    return _THINGS[max(fitting, key=len)].split(", ") if fitting else []


def _listed(kind: str, things: Sequence[str], question: Question, wanted: int | None = None) -> Draft:
    number = len(things)
    if number == 1:
        return exactly(f"{things[0][0].upper()}{things[0][1:]}.", data=list(things))
    kind = kind if number != 1 or not kind.endswith("s") else kind.removesuffix("s")
    words = {value: name for name, value in _COUNTS.items() if " " not in name and name not in ("a", "some", "several")}
    how_many = words.get(number, str(number))
    lead = f"Here {'is' if number == 1 else 'are'} {how_many} {kind}:"
    if wanted is not None and wanted > number:
        lead = f"I know {number} {kind}, not {wanted}:"
    if re.search(r"\b(?:one )?(?:per|on each|each on a new) line\b|\bno numbers\b", question.lower):
        return exactly("\n".join(thing[0].upper() + thing[1:] for thing in things), data=list(things))
    if re.search(r"\bcomma|\bone line\b", question.lower) or question.model.style == "terse":
        return Draft(lead=f"{in_words(things)}.", short=", ".join(things), data=list(things))
    mark = "- " if question.manner.bullets or question.model.style == "bullets" else None
    lines = [f"{mark or f'{place}. '}{thing[0].upper() + thing[1:]}" for place, thing in enumerate(things, 1)]
    title = kind.strip().capitalize()
    return Draft(lead=lead, block="\n".join(lines), short=", ".join(things), title=title, data=list(things))


_SERIES: Sequence[tuple[str, str, Callable[[int], int]]] = (
    ("even numbers?", "even numbers", lambda place: 2 * place),
    ("odd numbers?", "odd numbers", lambda place: 2 * place - 1),
    ("square numbers?|perfect squares?|squares", "square numbers", lambda place: place * place),
    ("powers of (?:two|2)", "powers of two", lambda place: int(2**place)),
)


def _numbers(rest: str, count: int) -> tuple[str, list[str]] | None:
    count = min(count, 100)
    if re.search(r"\bprimes?\b", rest):
        primes: list[int] = []
        candidate = 2
        while len(primes) < count:
            if all(candidate % prime for prime in primes if prime * prime <= candidate):
                primes.append(candidate)
            candidate += 1
        return "prime numbers", [str(prime) for prime in primes]
    if re.search(r"\bfibonacci\b", rest):
        series = [0, 1]
        while len(series) < count:
            series.append(series[-1] + series[-2])
        return "Fibonacci numbers", [str(number) for number in series[:count]]
    for word, kind, step in _SERIES:
        if re.search(rf"\b(?:{word})\b", rest):
            return kind, [str(step(place)) for place in range(1, count + 1)]
    return None
