"""Everyday Python programs that the simulated models know by heart."""

from __future__ import annotations

from collections.abc import Sequence

from portkey_nb.gateway.demo.skills.program_kind import Program

__all__ = ["PYTHON"]

PYTHON: Sequence[Program] = (
    Program(
        r"list comprehension",
        "A list comprehension",
        "This squares the even numbers of a list:",
        """numbers = [1, 2, 3, 4, 5, 6]

squares = [number**2 for number in numbers if number % 2 == 0]
print(squares)  # [4, 16, 36]""",
        ("The condition comes last, and what is kept comes first.",),
    ),
    Program(
        r"fibonacci",
        "Fibonacci numbers",
        "This returns the n-th Fibonacci number:",
        '''def fibonacci(n: int) -> int:
    """Return the n-th Fibonacci number, with fibonacci(0) == 0."""
    if n < 0:
        raise ValueError("n must not be negative")
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a


print([fibonacci(i) for i in range(10)])  # [0, 1, 1, 2, 3, 5, 8, 13, 21, 34]''',
        ("It needs n steps and two variables.", "The recursive version looks neater and takes exponentially long."),
    ),
    Program(
        r"\bprimes?\b",
        "Prime numbers",
        "This checks whether a number is prime:",
        '''from math import isqrt


def is_prime(n: int) -> bool:
    """Return whether n is a prime number."""
    if n < 2:
        return False
    return all(n % divisor for divisor in range(2, isqrt(n) + 1))


print([n for n in range(30) if is_prime(n)])  # [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]''',
        ("Divisors up to the square root are enough.", "For many numbers at once the sieve of Eratosthenes is faster."),
    ),
    Program(
        r"palindrome",
        "Palindromes",
        "This tells whether a text reads the same both ways:",
        '''def is_palindrome(text: str) -> bool:
    """Ignore case, blanks and punctuation."""
    letters = [char.lower() for char in text if char.isalnum()]
    return letters == letters[::-1]


print(is_palindrome("Never odd or even"))  # True''',
        ("The slice `[::-1]` reverses the list.",),
    ),
    Program(
        r"revers\w+ (?:a |the |an? )?(?:string|text|word|list)|(?:string|text|word) (?:reversal|backwards)",
        "Reversing a string",
        "A slice with step -1 reverses a string:",
        '''def reverse_string(text: str) -> str:
    """Return the text backwards."""
    return text[::-1]


print(reverse_string("notebook"))  # koobeton''',
        ('`"".join(reversed(text))` does the same and says so in words.',),
    ),
    Program(
        r"fizz ?buzz",
        "FizzBuzz",
        "Here is FizzBuzz:",
        """for number in range(1, 101):
    words = "Fizz" * (number % 3 == 0) + "Buzz" * (number % 5 == 0)
    print(words or number)""",
        ("A multiple of both, such as 15, gives FizzBuzz because the words are joined.",),
    ),
    Program(
        r"factorial",
        "Factorial",
        "This works out n!:",
        '''def factorial(n: int) -> int:
    """Return 1 · 2 · ... · n."""
    if n < 0:
        raise ValueError("n must not be negative")
    return 1 if n < 2 else n * factorial(n - 1)


print(factorial(5))  # 120''',
        ("In earnest use `math.factorial`, which is faster and has no limit of depth.",),
    ),
    Program(
        r"csv",
        "Reading a CSV file",
        "With pandas a CSV file is one call away:",
        """import pandas as pd

df = pd.read_csv("data.csv", parse_dates=["date"])

print(df.head())
print(df.describe())
print(df.isna().sum())  # missing values per column""",
        ("Name the date columns, or they stay text.", "For large files add `usecols` and `dtype`, or try Parquet."),
    ),
    Program(
        r"\bgroup ?by\b|\baggregate\b|\bper (?:group|category|month)\b",
        "Grouping in pandas",
        "Group, aggregate and sort:",
        """import pandas as pd

df = pd.DataFrame({"city": ["Oslo", "Lima", "Oslo"], "sales": [10, 7, 5]})

summary = (
    df.groupby("city", as_index=False)
    .agg(total=("sales", "sum"), mean=("sales", "mean"), n=("sales", "size"))
    .sort_values("total", ascending=False)
)
print(summary)""",
        ("Named aggregation keeps the columns flat.",),
    ),
    Program(
        r"\bplot\b|\bchart\b|matplotlib|histogram",
        "A plot",
        "Here is a plot in Matplotlib:",
        """import matplotlib.pyplot as plt

x = range(1, 11)
y = [value**2 for value in x]

fig, ax = plt.subplots(figsize=(6, 4))
ax.plot(x, y, marker="o")
ax.set(xlabel="x", ylabel="x squared", title="Squares")
plt.show()""",
        ("Work on the axes object: it scales to more than one panel.",),
    ),
    Program(
        r"e-?mail.*(?:regex|regular expression|valid|match)|(?:regex|regular expression|validat\w+).*e-?mail",
        "A pattern for e-mail addresses",
        "This finds what looks like an e-mail address:",
        r"""import re

EMAIL = re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b")

text = "Write to ana@example.org or support@mail.example.com."
print(EMAIL.findall(text))  # ['ana@example.org', 'support@mail.example.com']""",
        ("It accepts a little too much on purpose; only a message sent tells whether an address works.",),
    ),
    Program(
        r"regex|regular expression",
        "A regular expression",
        "Here is a pattern for ISO dates, which you can adapt:",
        r"""import re

DATE = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")

match = DATE.search("Due on 2025-03-14.")
print(match.groups())  # ('2025', '03', '14')""",
        ("`\\b` keeps it from matching inside longer numbers.",),
    ),
    Program(
        r"\badd (?:two|2) numbers|\bsum of (?:two|2)|adds two",
        "A sum",
        "This adds two numbers:",
        '''def add(a: float, b: float) -> float:
    """Return the sum of two numbers."""
    return a + b


print(add(2, 3))  # 5''',
        ("For many numbers there is `sum`.",),
    ),
    Program(
        r"(?:max\w*|largest|biggest) (?:number |value |element )?(?:in|of) (?:a |the )?list",
        "The largest item",
        "The built-in does it, and this is how:",
        '''def largest(items: list) -> float:
    """Return the largest item, as max(items) does."""
    best = items[0]
    for item in items[1:]:
        if item > best:
            best = item
    return best


print(largest([3, 9, 4]))  # 9''',
        ("It passes over the list once.",),
    ),
    Program(
        r"count\w* (?:the )?(?:words|vowels|letters|characters)|word (?:count|frequenc)",
        "Counting",
        "A Counter does the counting:",
        '''from collections import Counter


def word_counts(text: str) -> Counter:
    """Return how often each word occurs."""
    return Counter(text.lower().split())


print(word_counts("the cat and the hat").most_common(2))  # [('the', 2), ('cat', 1)]''',
        ("Strip punctuation first where it matters.",),
    ),
    Program(
        r"download|http request|fetch|rest api|requests library|call an api",
        "An HTTP request",
        "This asks an API and checks the answer:",
        """import httpx

response = httpx.get("https://api.example.com/items", params={"page": 1}, timeout=10)
response.raise_for_status()
print(response.json())""",
        ("Always set a timeout.",),
    ),
    Program(
        r"portkey|chat completion|openai|llm",
        "A chat completion",
        "Through Portkey it takes a few lines:",
        """from portkey_nb import Portkey

portkey = Portkey()
reply = portkey.chat.completions.create(
    model="gpt-4o",
    messages=[{"role": "user", "content": "Say this is a test"}],
)
print(reply.choices[0].message.content)""",
        ("The key is read from `PORTKEY_API_KEY`.",),
    ),
    Program(
        r"decorator|time(?:s|r)? (?:a |how long )",
        "A timing decorator",
        "This decorator tells how long a function takes:",
        '''import functools
import time


def timed(function):
    """Print how long each call takes."""

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        start = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            print(f"{function.__name__}: {time.perf_counter() - start:.3f} s")

    return wrapper''',
        ("`functools.wraps` keeps the name and the docstring.",),
    ),
    Program(
        r"unit tests?|pytest",
        "Tests",
        "With pytest a test is a function with an assert:",
        """import pytest


def add(a, b):
    return a + b


@pytest.mark.parametrize(("a", "b", "total"), [(1, 2, 3), (-1, 1, 0), (0.5, 0.5, 1.0)])
def test_add(a, b, total):
    assert add(a, b) == total""",
        ("Name the cases after what they show.",),
    ),
    Program(
        r"\bclass\b",
        "A class",
        "A dataclass says most with least:",
        '''from dataclasses import dataclass


@dataclass(frozen=True)
class Point:
    """A point in the plane."""

    x: float
    y: float

    def distance_to(self, other: "Point") -> float:
        return ((self.x - other.x) ** 2 + (self.y - other.y) ** 2) ** 0.5


print(Point(0, 0).distance_to(Point(3, 4)))  # 5.0''',
        ("Frozen instances can be keys of a dict.",),
    ),
    Program(
        r"hello,? world",
        "Hello, world",
        "The shortest program there is:",
        'print("Hello, world!")',
    ),
)
