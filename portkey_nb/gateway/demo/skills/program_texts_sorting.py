"""Sorting and searching in Python, as the simulated models know them."""

from __future__ import annotations

from collections.abc import Sequence

from portkey_nb.gateway.demo.skills.program_kind import Program

__all__ = ["SORTING"]

SORTING: Sequence[Program] = (
    Program(
        r"binary search",
        "Binary search",
        "Binary search halves the range at every step:",
        '''def binary_search(items: list, wanted) -> int:
    """Return the position of wanted in a sorted list, or -1."""
    low, high = 0, len(items) - 1
    while low <= high:
        middle = (low + high) // 2
        if items[middle] == wanted:
            return middle
        if items[middle] < wanted:
            low = middle + 1
        else:
            high = middle - 1
    return -1


print(binary_search([1, 3, 5, 7, 11], 7))  # 3''',
        ("The standard library has it as `bisect`.", "The list has to be sorted."),
    ),
    Program(
        r"bubble ?sort",
        "Bubble sort",
        "Bubble sort swaps neighbours until nothing is out of order:",
        '''def bubble_sort(items: list) -> list:
    """Return the items in ascending order."""
    items = list(items)
    for end in range(len(items) - 1, 0, -1):
        swapped = False
        for i in range(end):
            if items[i] > items[i + 1]:
                items[i], items[i + 1] = items[i + 1], items[i]
                swapped = True
        if not swapped:
            break
    return items


print(bubble_sort([5, 2, 9, 1, 5]))  # [1, 2, 5, 5, 9]''',
        (
            "It takes O(n²) steps, and only O(n) when the list is in order already.",
            "It is stable and needs no extra list.",
        ),
    ),
    Program(
        r"merge ?-?sort",
        "Merge sort",
        "Merge sort halves the list, sorts both halves and merges them:",
        '''def merge_sort(items: list) -> list:
    """Return the items in ascending order."""
    if len(items) < 2:
        return list(items)
    middle = len(items) // 2
    left, right = merge_sort(items[:middle]), merge_sort(items[middle:])
    merged = []
    i = j = 0
    while i < len(left) and j < len(right):
        if left[i] <= right[j]:  # "<=" keeps equal items in their order
            merged.append(left[i])
            i += 1
        else:
            merged.append(right[j])
            j += 1
    return merged + left[i:] + right[j:]


print(merge_sort([5, 2, 9, 1, 5]))  # [1, 2, 5, 5, 9]''',
        ("It takes O(n log n) steps on any input and O(n) extra space.", "It is stable: equal items keep their order."),
    ),
    Program(
        r"insertion ?sort",
        "Insertion sort",
        "Insertion sort puts each item where it belongs among those before it:",
        '''def insertion_sort(items: list) -> list:
    """Return the items in ascending order."""
    done: list = []
    for item in items:
        place = len(done)
        while place and done[place - 1] > item:
            place -= 1
        done.insert(place, item)
    return done


print(insertion_sort([5, 2, 9, 1, 5]))  # [1, 2, 5, 5, 9]''',
        ("It takes O(n²) steps, but it is hard to beat on short lists.",),
    ),
    Program(
        r"quick ?-?sort",
        "Quicksort",
        "This is quicksort in its plainest form:",
        '''def quicksort(items: list) -> list:
    """Return the items in ascending order."""
    if len(items) < 2:
        return list(items)
    pivot, rest = items[0], items[1:]
    smaller = [item for item in rest if item < pivot]
    larger = [item for item in rest if item >= pivot]
    return [*quicksort(smaller), pivot, *quicksort(larger)]


print(quicksort([5, 2, 9, 1, 5]))  # [1, 2, 5, 5, 9]''',
        (
            "On average it takes O(n log n) steps, and O(n²) where the pivots are unlucky.",
            "In daily work use `sorted`, which is stable and written in C.",
        ),
    ),
    Program(
        r"\bsort(?:s|ing|ed)?\b.*\b(?:dict|key|by)\b",
        "Sorting by a key",
        "`sorted` takes a key that says what to compare:",
        """people = [{"name": "Bo", "age": 41}, {"name": "Ana", "age": 31}]

by_age = sorted(people, key=lambda person: person["age"])
print([person["name"] for person in by_age])  # ['Ana', 'Bo']""",
        ("`reverse=True` turns it round.", "Items with equal keys keep their order."),
    ),
    Program(
        r"\bsort(?:s|ing|ed)?\b",
        "Sorting a list",
        "Python has it built in:",
        """numbers = [5, 2, 9, 1, 5]

print(sorted(numbers))  # [1, 2, 5, 5, 9]""",
        ("`numbers.sort()` sorts in place; `reverse=True` turns it round.", "It is Timsort: stable and O(n log n)."),
    ),
)
