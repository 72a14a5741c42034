"""Tables of things that are often compared: aspects, and what each thing has to say under them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from portkey_nb.gateway.demo.models import MODELS, PRICES
from portkey_nb.gateway.demo.skills.fact_table import CAPITALS, PLANETS

__all__ = ["ADVICE", "MODEL_SHELF", "PLANET_SHELF", "SHELVES", "Shelf"]

Shelf = tuple[tuple[str, ...], Mapping[str, tuple[str, ...]]]

MODEL_SHELF: Shelf = (
    ("Provider", "USD per M tokens in", "USD per M tokens out", "First token", "Tokens per second"),
    {
        name: (
            model.provider,
            f"{PRICES[name]['input']:g}",
            f"{PRICES[name]['output']:g}",
            f"{model.first_token_s:g} s",
            f"{model.tokens_per_s:g}",
        )
        for name, model in MODELS.items()
    },
)
PLANET_SHELF: Shelf = (
    ("Diameter", "From the Sun", "Moons"),
    {name: (f"{width:,} km", f"{far} million km", str(moons)) for name, (width, far, moons, _) in PLANETS.items()},
)

SHELVES: Sequence[Shelf] = (
    (
        ("Typing", "Speed", "Strong at", "Weak at"),
        {
            "Python": ("dynamic", "slow by itself", "data, glue, teaching", "tight loops, mobile"),
            "R": ("dynamic", "slow by itself", "statistics, plots", "general programs"),
            "Julia": ("dynamic", "fast", "numerical work", "size of its world"),
            "JavaScript": ("dynamic", "fast for a script", "the browser", "numbers beyond floats"),
            "TypeScript": ("static, optional", "as JavaScript", "large web programs", "build steps"),
            "Java": ("static", "fast", "large services", "brevity"),
            "Rust": ("static", "very fast", "safety without a collector", "quick sketches"),
            "Go": ("static", "fast", "network services", "abstraction"),
            "C++": ("static", "very fast", "engines, hardware", "safety"),
            "SQL": ("static", "up to the engine", "sets and joins", "procedures"),
        },
    ),
    (
        ("Care", "Company", "Exercise", "Noise"),
        {
            "Cats": ("little", "on their terms", "by themselves", "low"),
            "Dogs": ("a lot", "all the time", "walks every day", "barking"),
            "Rabbits": ("some", "shy", "room to run", "very low"),
            "Goldfish": ("clean water", "to look at", "none", "none"),
        },
    ),
    (
        ("Origin", "Caffeine per cup", "Taste", "Made by"),
        {
            "Coffee": ("Ethiopia", "about 95 mg", "roasted, bitter", "brewing ground beans"),
            "Tea": ("China", "about 45 mg", "light, tannic", "steeping leaves"),
            "Cocoa": ("Mesoamerica", "about 5 mg", "sweet, creamy", "stirring powder into milk"),
        },
    ),
    (
        ("Uses", "Outliers", "Best for"),
        {
            "Mean": ("every value", "pulled by them", "symmetric data"),
            "Median": ("the middle value", "hardly moved", "skewed data"),
            "Mode": ("the commonest value", "not moved", "categories"),
        },
    ),
    (
        ("Layout", "Types kept", "Size", "Read by people"),
        {
            "CSV": ("rows as text", "no", "large", "yes"),
            "JSON": ("nested text", "some", "largest", "yes"),
            "Parquet": ("columns, binary", "yes", "small", "no"),
            "Excel": ("sheets, zipped", "some", "medium", "in a program"),
        },
    ),
    (
        ("Ordered", "Mutable", "Duplicates", "Look-up"),
        {
            "List": ("yes", "yes", "yes", "by position"),
            "Tuple": ("yes", "no", "yes", "by position"),
            "Set": ("no", "yes", "no", "by membership"),
            "Dict": ("by insertion", "yes", "keys no", "by key"),
        },
    ),
    (
        ("Engine", "Evaluation", "Index", "Best for"),
        {
            "pandas": ("NumPy and Arrow", "eager", "yes", "everyday tables"),
            "Polars": ("Rust and Arrow", "eager or lazy", "no", "large tables, many cores"),
            "Dask": ("pandas in pieces", "lazy", "yes", "more than fits in memory"),
            "DuckDB": ("vectorised SQL", "lazy", "no", "SQL on files"),
        },
    ),
    (
        ("Connection", "Order kept", "Delivery", "Used for"),
        {
            "TCP": ("yes", "yes", "guaranteed", "web, mail, files"),
            "UDP": ("no", "no", "best effort", "calls, games, DNS"),
        },
    ),
    (
        ("Best case", "Average", "Worst case", "Extra space", "Stable"),
        {
            "Bubble sort": ("O(n)", "O(n²)", "O(n²)", "O(1)", "yes"),
            "Merge sort": ("O(n log n)", "O(n log n)", "O(n log n)", "O(n)", "yes"),
            "Quicksort": ("O(n log n)", "O(n log n)", "O(n²)", "O(log n)", "no"),
            "Insertion sort": ("O(n)", "O(n²)", "O(n²)", "O(1)", "yes"),
            "Selection sort": ("O(n²)", "O(n²)", "O(n²)", "O(1)", "no"),
            "Heapsort": ("O(n log n)", "O(n log n)", "O(n log n)", "O(1)", "no"),
            "Timsort": ("O(n)", "O(n log n)", "O(n log n)", "O(n)", "yes"),
        },
    ),
    (
        ("Needs", "Time", "Best for"),
        {
            "Binary search": ("sorted data, access by index", "O(log n)", "many look-ups in one array"),
            "Linear search": ("nothing", "O(n)", "short or unsorted lists"),
            "Hash lookup": ("a hash table", "O(1) on average", "exact keys"),
        },
    ),
    (
        ("Question it answers", "Formula", "Suffers from", "Matters when"),
        {
            "Precision": (
                "How many of the hits are right?",
                "TP / (TP + FP)",
                "false positives",
                "a false alarm is dear (spam filter)",
            ),
            "Recall": (
                "How many of the right ones are hit?",
                "TP / (TP + FN)",
                "false negatives",
                "a miss is dear (medical test)",
            ),
            "Accuracy": ("How many are right at all?", "(TP + TN) / all", "rare classes", "classes are balanced"),
            "F1 score": ("Do both hold?", "2PR / (P + R)", "either being low", "one number is wanted"),
        },
    ),
    (
        ("Made for", "Key idea", "Memory of order", "In parallel", "Typical use"),
        {
            "CNN": (
                "grids such as images",
                "small filters slid over the input",
                "local only",
                "yes",
                "image recognition",
            ),
            "RNN": (
                "sequences",
                "a state handed from step to step",
                "yes, but it fades",
                "hardly",
                "time series, speech",
            ),
            "LSTM": ("longer sequences", "gates that keep or forget", "yes, longer", "hardly", "time series, speech"),
            "Transformer": (
                "sequences of tokens",
                "attention between all positions",
                "by position codes",
                "yes",
                "text",
            ),
        },
    ),
    (
        ("Endpoints", "The client gets", "Caching", "Versioning", "Good for"),
        {
            "REST": (
                "one per resource",
                "what the server has laid down",
                "plain HTTP",
                "in the URL or header",
                "simple, public APIs",
            ),
            "GraphQL": (
                "one for all",
                "exactly the fields it asks for",
                "in the client",
                "fields are deprecated",
                "many views on linked data",
            ),
            "gRPC": ("one per method", "typed binary messages", "by hand", "by the schema", "service to service"),
        },
    ),
    (
        ("Schema", "Scaling", "Transactions", "Query language", "Examples"),
        {
            "SQL": ("fixed, in tables", "mostly up", "strong (ACID)", "SQL", "PostgreSQL, SQLite"),
            "NoSQL": ("flexible", "mostly out", "varies", "differs by product", "MongoDB, Redis"),
        },
    ),
    (
        ("Keeps history", "Result", "Use it when"),
        {
            "Git merge": ("as it was", "a merge commit", "the branch is shared"),
            "Git rebase": ("rewritten", "a straight line", "the branch is yours alone"),
        },
    ),
    (
        ("Adds knowledge", "Effort", "Up to date", "Best for"),
        {
            "RAG": ("at the time of asking", "an index to keep", "as fresh as the index", "facts and documents"),
            "Fine-tuning": (
                "into the weights",
                "training data and runs",
                "until the next training",
                "style and format",
            ),
            "Prompt engineering": ("in the prompt", "small", "always", "trying things out"),
        },
    ),
    (
        ("Examples in the prompt", "Tokens", "Best for"),
        {
            "Zero-shot": ("none", "few", "common tasks"),
            "Few-shot": ("two to ten", "more", "an unusual format or labels"),
            "Fine-tuned": ("none; they are in the weights", "few", "many requests of one kind"),
        },
    ),
    (
        ("Learns from", "Goal", "Example"),
        {
            "Supervised learning": ("labelled examples", "predict the label", "spam filter"),
            "Unsupervised learning": ("data alone", "find structure", "customer segments"),
            "Reinforcement learning": ("rewards", "act well", "game player"),
        },
    ),
    (
        ("Predicts", "Output", "Fitted by"),
        {
            "Linear regression": ("a number", "any value", "least squares"),
            "Logistic regression": ("a class", "a probability", "maximum likelihood"),
        },
    ),
    MODEL_SHELF,
    PLANET_SHELF,
    (("Capital",), {country: (city,) for country, (city, _) in CAPITALS.items()}),
)
"""The aspects of each shelf, and its things."""

ADVICE: Mapping[str, str] = {
    "Merge sort": "Merge sort keeps its promise on any input, at the price of the extra list.",
    "Bubble sort": "Bubble sort is for teaching, or for lists that are short or almost in order.",
    "Quicksort": "Quicksort is usually the quickest in memory, if its pivots are chosen with some care.",
    "Mean": "Report the median where a few huge values would carry the mean away, as with incomes.",
    "Precision": "Raising one usually lowers the other: a stricter threshold gives precision and costs recall.",
    "CNN": "For text both have largely given way to transformers.",
    "REST": "Begin with the simpler one, and change when many clients need many different cuts of the data.",
    "NoSQL": "When in doubt begin with SQL; most data have more relations than one thinks.",
    "Python": "Choose by what you want to build and by what your colleagues can read.",
    "List": "Take the list when it will change and the tuple when it must not.",
    "TCP": "Take TCP when nothing may be lost, and UDP when late is as bad as lost.",
    "RAG": "They do not exclude each other: start with the prompt, then retrieval, and train last.",
}
"""Thing -> what to make of a table that it stands in."""
