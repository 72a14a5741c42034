"""More concepts: programming, the gateway's own words, and a few questions about nature."""

from __future__ import annotations

from collections.abc import Mapping

from portkey_nb.gateway.demo.skills.concept_texts import Concept

__all__ = ["MORE_CONCEPTS"]

MORE_CONCEPTS: Mapping[str, Concept] = {
    "python": Concept(
        "Python",
        ("python language",),
        "Python is a language for telling computers what to do that reads almost like English.",
        (
            "Python is a general programming language that puts readability first.",
            "It is dynamically typed, and blocks are marked by indentation.",
            "Its libraries for data, science and machine learning have made it the usual language of notebooks.",
            "Pure Python is slow in tight loops, so heavy work is handed to compiled code such as NumPy's.",
        ),
    ),
    "precision": Concept(
        "Precision",
        (),
        "Of all the times you cried wolf, precision counts how often there was one.",
        (
            "Precision is the share of positive predictions that are right.",
            "It is $TP / (TP + FP)$: false alarms bring it down.",
            "Look at it where a false alarm is costly, as in a spam filter.",
        ),
    ),
    "recall": Concept(
        "Recall",
        (),
        "Of all the wolves that came, recall counts how many you saw.",
        (
            "Recall is the share of true positives that are found.",
            "It is $TP / (TP + FN)$: misses bring it down.",
            "Look at it where a miss is costly, as in a medical test.",
        ),
    ),
    "mutex": Concept(
        "Mutex",
        ("mutual exclusion",),
        "A mutex is the key to a bathroom: whoever holds it is alone inside, and everybody else waits.",
        (
            "A mutex is a lock that only one thread can hold at a time.",
            "It keeps two threads from changing the same data at once.",
            "Hold it as briefly as you can, and take several always in the same order, or you risk a deadlock.",
        ),
    ),
    "quantum computing": Concept(
        "Quantum computing",
        ("quantum computer", "qubit"),
        "An ordinary computer tries one door after the other; a quantum computer lets all doors ring like bells "
        "and listens "
        "for the right one.",
        (
            "Quantum computing calculates with qubits, which can be in a mixture of 0 and 1.",
            "An algorithm arranges for wrong answers to cancel out and right ones to add up before the measurement.",
            "It promises much for chemistry and for breaking some ciphers, and little for everyday programs.",
            "Noise is the great obstacle: many physical qubits are needed for one reliable one.",
        ),
    ),
    "fallback": Concept(
        "Fallback",
        ("fallbacks",),
        "If the first shop is closed, you go to the second: that is a fallback.",
        (
            "A fallback sends a request to the next target when the one before it fails.",
            "In a Portkey Config it is the strategy mode `fallback` over a list of targets.",
            "With `on_status_codes` it reacts only to the codes that you name, for example 429.",
            "It cannot help a stream that breaks after its first byte, since that text is already on its way.",
        ),
    ),
    "rate limit": Concept(
        "Rate limits",
        ("rate limiting", "429"),
        "It is the sign at the pool that only so many people may jump in each minute.",
        (
            "A rate limit says how many requests or tokens a key may use in a span of time.",
            "Beyond it the answer is status 429, often with a `Retry-After` header that says how long to wait.",
            "Retries with growing pauses, a fallback, or load balancing over several keys all help.",
        ),
    ),
    "caching": Concept(
        "Caching",
        ("cache",),
        "You keep a copy of what you looked up, so that you need not walk to the library again.",
        (
            "Caching keeps an answer so that the same question need not be worked out again.",
            "For language models a simple cache matches the request exactly, a semantic one by meaning.",
            "The hard part is to know when a kept answer is too old.",
        ),
    ),
    "dataframe": Concept(
        "DataFrames",
        ("data frame", "pandas dataframe", "pandas"),
        "A DataFrame is a spreadsheet that you talk to in Python.",
        (
            "A DataFrame is a table whose columns each have a name and a type.",
            "Operations work on whole columns, which is both shorter to write and faster to run than a loop.",
            "Selecting, grouping and joining cover most of everyday analysis.",
            "In pandas every row also has a label, the index, which aligns tables with each other.",
        ),
    ),
    "async": Concept(
        "Asynchronous programming",
        ("asyncio", "async await", "asynchronous programming", "coroutine"),
        "A good cook puts the water on and cuts vegetables meanwhile: that is asynchronous.",
        (
            "Asynchronous programming lets one thread work on many tasks by switching whenever one of them waits.",
            "In Python `async def` makes a coroutine and `await` marks the places where it may pause.",
            "It shines for networks and is of no use for heavy arithmetic.",
        ),
    ),
    "git": Concept(
        "Git",
        ("version control",),
        "Git is a diary of your files in which you can turn back to any page.",
        (
            "Git records the history of a folder as a chain of commits.",
            "Branches let you try something without disturbing the rest, and merging brings it back.",
            "Small commits with a clear message are worth more than any later cleaning up.",
        ),
    ),
    "docker": Concept(
        "Docker",
        ("container",),
        "A container is a lunch box: the program and all that it needs, packed to be opened anywhere.",
        (
            "Docker packs a program with everything it needs into an image that runs the same everywhere.",
            "A container is a running image, set apart from the rest of the machine but sharing its kernel.",
            "Data that has to outlive a container belongs into a volume.",
        ),
    ),
    "salt": Concept(
        "Why the sea is salty",
        ("sea salty", "ocean salty", "salty"),
        "Rivers wash tiny bits of salt from the rocks into the sea; the water leaves as clouds, and the salt stays.",
        (
            "The sea is salty because rain and rivers wash minerals out of rocks and carry them there.",
            "Water leaves the sea by evaporation, and the salt stays behind.",
            "Hot springs on the sea floor add more of it; on average a litre holds some 35 grams.",
        ),
    ),
    "octopus": Concept(
        "Octopuses",
        ("octopuses", "octopi"),
        "An octopus has three hearts and can squeeze through a hole as small as its beak.",
        (
            "Octopuses have three hearts, and their blood is blue.",
            "Two thirds of their nerve cells sit in the arms, which can taste what they touch.",
            "They open jars, use shells as shelter and have been seen to slip out of their tanks at night.",
        ),
    ),
    "climate change": Concept(
        "Climate change",
        ("global warming", "greenhouse effect"),
        "We have wrapped the Earth in a thicker blanket, so it gets warmer underneath.",
        (
            "Climate change is the lasting shift of the world's weather, today driven mainly by burning coal, oil "
            "and gas.",
            "Carbon dioxide and methane hold back heat that would otherwise leave for space.",
            "The mean temperature has risen by more than one degree since the nineteenth century.",
        ),
    ),
}
"""Concept by name."""
