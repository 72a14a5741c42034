"""Concepts of algorithms, the web and software that the simulated models can explain."""

from __future__ import annotations

from collections.abc import Mapping

from portkey_nb.gateway.demo.skills.concept_texts import Concept

__all__ = ["EXAMPLES", "METHODS"]

METHODS: Mapping[str, Concept] = {
    "bubble sort": Concept(
        "Bubble sort",
        ("bubblesort",),
        "Imagine children in a row who swap places with a neighbour who is smaller, until the row goes up evenly.",
        (
            "Bubble sort goes through a list again and again and swaps neighbours that are in the wrong order.",
            "After each pass the largest remaining item has risen to its place at the end.",
            "It takes O(n²) steps, or O(n) when the list is in order already, and no extra space.",
            "It is stable and easy to understand, but too slow for anything but short lists.",
        ),
    ),
    "merge sort": Concept(
        "Merge sort",
        ("mergesort",),
        "Split the cards into two piles, have a friend sort each, then always take the smaller of the two top cards.",
        (
            "Merge sort splits a list in two, sorts both halves in the same way and merges them.",
            "It takes O(n log n) steps whatever the input, and O(n) extra space for the merging.",
            "It is stable: equal items keep their order.",
            "It suits linked lists and data that do not fit into memory.",
        ),
    ),
    "quicksort": Concept(
        "Quicksort",
        ("quick sort",),
        "Pick one card, put smaller ones to the left and larger ones to the right, and do the same with both sides.",
        (
            "Quicksort picks a pivot, puts smaller items before it and larger ones after it, and does the "
            "same with both.",
            "On average it takes O(n log n) steps; with unlucky pivots it takes O(n²).",
            "It sorts in place, but it is not stable.",
            "In practice it is among the fastest, as it uses the processor's cache well.",
        ),
    ),
    "binary search": Concept(
        "Binary search",
        ("bisection",),
        "Open the dictionary in the middle, see which half your word is in, and do the same with that half.",
        (
            "Binary search finds a value in a sorted list by looking at the middle and throwing one half away.",
            "It takes O(log n) steps: twenty looks suffice for a million items.",
            "The list must be sorted, and its items reachable by their number.",
            "Python has it in the standard library as `bisect`.",
        ),
    ),
    "https": Concept(
        "HTTPS",
        ("tls", "ssl"),
        "It is like sending a letter in a locked box that only the right house can open.",
        (
            "HTTPS is HTTP sent over a connection that TLS encrypts and protects against change.",
            "The server proves who it is with a certificate signed by an authority that the browser trusts.",
            "Both sides then agree on a secret key, which encrypts everything that follows.",
            "It hides what you read and send, though not which server you talk to.",
        ),
    ),
    "rest": Concept(
        "REST",
        ("rest api", "restful"),
        "Every thing has its own address, and you can ask for it, change it or throw it away.",
        (
            "REST is a style of web API in which every resource has a URL and HTTP verbs say what to do with it.",
            "GET reads, POST creates, PUT and PATCH change, and DELETE removes.",
            "The server keeps no session, so every request carries all that it needs.",
        ),
    ),
    "graphql": Concept(
        "GraphQL",
        ("graph ql",),
        "You hand in a list of exactly what you want, and you get exactly that.",
        (
            "GraphQL is a query language for APIs: the client names the fields that it wants and gets those alone.",
            "A typed schema tells which queries there are.",
            "It saves round trips for nested data, and it makes caching and limiting the load harder.",
        ),
    ),
    "cnn": Concept(
        "Convolutional neural networks",
        ("convolutional neural network", "convolution"),
        "It looks at a picture through a small window and learns which little patterns matter.",
        (
            "A CNN is a neural network that slides small filters over its input, mostly images.",
            "Early layers find edges, and later ones put them together to parts and things.",
            "The same filter is used everywhere, which saves weights and lets it find a cat in any corner.",
        ),
    ),
    "rnn": Concept(
        "Recurrent neural networks",
        ("recurrent neural network", "lstm"),
        "It reads one word after the other and keeps a note of what came before.",
        (
            "An RNN is a neural network that reads a sequence step by step and hands a state from each step "
            "to the next.",
            "Plain ones forget quickly, as gradients fade; LSTM and GRU cells keep more.",
            "For text they have largely given way to transformers, which read all positions at once.",
        ),
    ),
    "mean": Concept(
        "The mean",
        ("average", "arithmetic mean"),
        "Put everything in one pot and share it out evenly: that share is the mean.",
        (
            "The mean is the sum of the values divided by their number.",
            "Every value counts, so a few huge ones can carry it away.",
            "For skewed data such as incomes the median tells more.",
        ),
    ),
    "median": Concept(
        "The median",
        (),
        "Line everybody up by height: the one in the middle is the median.",
        (
            "The median is the value in the middle once the values are sorted.",
            "Half of them lie below it and half above, and outliers hardly move it.",
            "With an even number of values it is the mean of the two in the middle.",
        ),
    ),
    "sql": Concept(
        "SQL",
        ("structured query language",),
        "It is a language for asking questions of tables.",
        (
            "SQL is the language in which one asks relational databases for data and changes them.",
            "You say what you want, and the database decides how to get it.",
            "SELECT, FROM, WHERE, GROUP BY and JOIN cover most of what one needs.",
        ),
    ),
    "list comprehension": Concept(
        "List comprehensions",
        ("comprehension",),
        "It is a short way to say: take each of these, do this with it, and put the results in a new list.",
        (
            "A list comprehension builds a list in one expression: `[n * n for n in numbers if n % 2 == 0]`.",
            "It reads as: the square of n, for each n in numbers, if n is even.",
            "With braces it makes a set or a dict, and with round brackets a generator.",
            "Where it no longer fits on a line, a plain loop is kinder to the reader.",
        ),
    ),
    "artificial intelligence": Concept(
        "Artificial intelligence",
        ("ai", "a.i."),
        "It is about getting machines to do things for which people need their heads.",
        (
            "Artificial intelligence is the field of making machines do what seems to need intelligence.",
            "It covers machine learning as well as rules, search and planning.",
            "What counts as AI moves: chess programs and route planners were once thought of as such.",
        ),
    ),
    "blockchain": Concept(
        "Blockchain",
        ("bitcoin",),
        "It is a notebook that everybody has a copy of, so nobody can tear out a page unseen.",
        (
            "A blockchain is a list of records kept by many computers, each block sealed with a hash of the "
            "one before.",
            "To change an old record one would have to redo all later blocks on most of the computers.",
            "That makes it slow and costly, which pays only where nobody is trusted to keep the list.",
        ),
    ),
    "inflation": Concept(
        "Inflation",
        (),
        "Inflation means that the same coin buys fewer sweets than last year.",
        (
            "Inflation is a lasting rise of prices in general, so that money buys less.",
            "It is measured by the price of a basket of goods from one year to the next.",
            "Most central banks aim at about two percent a year and steer with interest rates.",
        ),
    ),
    "evolution": Concept(
        "Evolution",
        ("natural selection",),
        "Those who fit their surroundings best have more children, who take after them.",
        (
            "Evolution is the change of living things over generations.",
            "Offspring differ a little; those that get on better leave more descendants, who inherit the difference.",
            "Over millions of years this natural selection has made all the species from common ancestors.",
        ),
    ),
}
"""Name -> concept."""

EXAMPLES: Mapping[str, str] = {
    "recursion": "For example, a folder's size is the size of its files plus, recursively, the sizes of its "
    "subfolders.",
    "overfitting": "For example, a student who learns last year's exam by heart scores full marks on it and "
    "fails the new one.",
    "p-value": "For example, nine heads in ten tosses of a fair coin, or anything as extreme, has a p-value "
    "of about 0.02.",
    "embedding": "For example, the vectors of “king” and “queen” lie closer together than those of “king” "
    "and “cabbage”.",
    "temperature": "For example, after “The sky is” temperature 0 always says “blue”, while 1.2 may say “humming”.",
    "token": "For example, “unbelievable” may be cut into the tokens “un”, “believ” and “able”.",
    "machine learning": "For example, from a thousand mails marked as spam or not, a model learns to judge "
    "the next one.",
    "gradient descent": "For example, to minimise x² from x = 4 with a step of 0.1: the slope is 8, so x "
    "becomes 3.2, then 2.56.",
    "photosynthesis": "For example, a large beech gives off the oxygen that some ten people breathe in a day.",
    "merge sort": "For example, [5, 2, 9, 1] is split into [5, 2] and [9, 1], sorted to [2, 5] and [1, 9], "
    "and merged to [1, 2, 5, 9].",
    "bubble sort": "For example, [3, 1, 2] becomes [1, 3, 2] and then [1, 2, 3] in the first pass.",
    "quicksort": "For example, with the pivot 5, [5, 2, 9, 1] becomes [2, 1], 5 and [9].",
    "binary search": "For example, to find 7 in [1, 3, 5, 7, 9]: the middle is 5, too small; next is 7, found.",
    "precision": "For example, if 10 mails are marked as spam and 8 of them are spam, precision is 0.8.",
    "recall": "For example, if there are 16 spam mails and 8 are found, recall is 0.5.",
    "mean": "For example, the mean of 2, 3 and 10 is 5.",
    "median": "For example, the median of 2, 3 and 10 is 3.",
    "prompt engineering": "For example, “Summarise this for a ten-year-old in three bullets” does better "
    "than “Summarise this”.",
    "large language model": "For example, given “The capital of France is” it holds “Paris” to be by far "
    "the likeliest next token.",
    "hallucination": "For example, a model may cite a paper with a plausible title and authors that was never written.",
}
"""Concept -> an example."""
