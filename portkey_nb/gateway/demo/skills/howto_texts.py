"""Everyday how-tos: when each is meant, what leads up to it, the steps or the code, and what is worth knowing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["HOWTOS", "HowTo"]


@dataclass(frozen=True, slots=True)
class HowTo:
    """One how-to; with a language its steps are lines of code."""

    pattern: str
    title: str
    lead: str
    steps: tuple[str, ...]
    more: tuple[str, ...] = ()
    language: str = ""


HOWTOS: Sequence[HowTo] = (
    HowTo(
        r"pancakes?",
        "Pancakes",
        "For about eight pancakes:",
        (
            "Whisk 200 g of flour, 2 teaspoons of baking powder, a spoon of sugar and a pinch of salt.",
            "Stir in 2 eggs, 300 ml of milk and 30 g of melted butter; a few lumps may stay.",
            "Let the batter rest for ten minutes and heat a lightly buttered pan to medium.",
            "Pour in a ladle of batter and turn it when bubbles show on top, after about two minutes.",
            "Bake the other side for one minute and serve them warm.",
        ),
        (
            "The first one often fails; the pan is then at the right heat for the others.",
            "Maple syrup or berries go well.",
        ),
    ),
    HowTo(
        r"(?:cup of |make |brew |pot of )(?:\w+ )?tea\b",
        "Tea",
        "A good cup of tea goes like this:",
        (
            "Bring fresh water to the boil; for green tea let it cool to about 80 °C.",
            "Put one teaspoon of leaves, or one bag, into a warmed cup or pot.",
            "Pour the water on and wait: three to five minutes for black tea, two for green.",
            "Take the leaves out, and add milk, lemon or sugar as you like.",
        ),
        ("Longer steeping makes it bitter rather than stronger; take more leaves instead.",),
    ),
    HowTo(
        r"(?:make|brew) (?:\w+ )?coffee|cup of coffee",
        "Coffee",
        "With a filter it takes five minutes:",
        (
            "Weigh 15 g of coffee for 250 ml of water and grind it medium fine.",
            "Rinse the paper filter with hot water and put the coffee in.",
            "Pour on a little water just off the boil and wait half a minute while it blooms.",
            "Pour the rest slowly in circles; it should run through in about three minutes.",
        ),
        ("Sour means too coarse, bitter means too fine.",),
    ),
    HowTo(
        r"boil\w* (?:an |\d+ |the )?eggs?",
        "Boiled eggs",
        "Boiled eggs are a matter of minutes:",
        (
            "Bring a pot of water to the boil.",
            "Lower the eggs in with a spoon.",
            "Wait six minutes for soft, eight for creamy, ten for hard.",
            "Put them into cold water so that they stop cooking and peel well.",
        ),
    ),
    HowTo(
        r"tomato soup",
        "Tomato soup",
        "For four bowls of tomato soup:",
        (
            "Soften a chopped onion and two cloves of garlic in olive oil.",
            "Add 800 g of tinned tomatoes, 400 ml of stock and a pinch of sugar.",
            "Simmer for twenty minutes.",
            "Blend it smooth and season with salt, pepper and basil.",
        ),
        ("A spoon of cream makes it milder.",),
    ),
    HowTo(
        r"(?:tie|tying) (?:a |the )?(?:bow ?tie|tie\b|necktie)",
        "A tie",
        "The four-in-hand is the simplest knot for a tie:",
        (
            "Hang the tie round your neck with the wide end a good deal lower.",
            "Cross the wide end over the narrow one, then bring it back underneath.",
            "Bring it over the front once more and up through the loop at the neck.",
            "Put it down through the front loop, and pull it tight.",
        ),
    ),
    HowTo(
        r"(?:tie|tying) (?:a |an |my |your )?(?:\w+ )?(?:knot|bowline|shoe ?laces?|shoes?)|\bknot\b",
        "A knot",
        "The overhand knot is the simplest, and the bowline makes a loop that holds:",
        (
            "Overhand knot: make a loop, put the end through it, and pull.",
            "Bowline: make a small loop in the rope, with the end on top.",
            "Bring the end up through the loop, as a rabbit comes out of its hole.",
            "Lead it round behind the standing rope, round the tree.",
            "Put it back down through the small loop, into the hole, and pull it tight.",
        ),
        ("The bowline does not slip, and it comes undone easily afterwards.",),
    ),
    HowTo(
        r"undo .*commit|revert .*commit|git .*undo|uncommit",
        "Undoing a commit",
        "It depends on what is to become of the changes:",
        (
            "git reset --soft HEAD~1   # undo the last commit, keep its changes staged",
            "git reset HEAD~1          # undo it, keep the changes unstaged",
            "git revert HEAD           # add a commit that takes it back; for pushed commits",
            "git reset --hard HEAD~1   # undo it and throw its changes away",
        ),
        ("Use revert once others have the commit.", "`git reflog` finds again what a reset has hidden."),
        "bash",
    ),
    HowTo(
        r"git\b.*\b(?:branch|new branch)|(?:create|make|new) .*branch",
        "A new branch",
        "Create a branch and go to it in one step:",
        ("git switch -c my-feature", "git push -u origin my-feature   # publish it"),
        ("`git switch main` brings you back.",),
        "bash",
    ),
    HowTo(
        r"pip install|install (?:a |an |the )?(?:python )?(?:\w+ )?(?:packages?|librar(?:y|ies)|module|pandas|numpy)",
        "Installing a package",
        "With pip, run through the Python that is to have it:",
        (
            "python -m pip install pandas",
            'python -m pip install "pandas>=2.2"   # at least this version',
            "python -m pip install -r requirements.txt",
        ),
        ("In a notebook `%pip install pandas` takes the kernel's own Python.", "Do it inside a virtual environment."),
        "bash",
    ),
    HowTo(
        r"virtual ?env(?:ironment)?s?|\bvenv\b",
        "A virtual environment",
        "Python brings what is needed:",
        (
            "python -m venv .venv",
            "source .venv/bin/activate      # on Windows: .venv\\Scripts\\activate",
            "python -m pip install pandas   # goes into the environment only",
            "deactivate                     # when you are done",
        ),
        ("Keep `.venv` out of version control.",),
        "bash",
    ),
    HowTo(
        r"(?:exit|quit|leave|close) vim",
        "Leaving vim",
        "Press Esc first, then type one of these:",
        (":wq    write and quit", ":q!    quit and forget the changes", ":q     quit, if nothing has changed"),
        (),
        "text",
    ),
    HowTo(
        r"read (?:a |the )?(?:text )?file|open (?:a |the )?file",
        "Reading a file",
        "pathlib reads a whole file in one call:",
        (
            "from pathlib import Path",
            "",
            'text = Path("notes.txt").read_text(encoding="utf-8")',
            "for line in text.splitlines():",
            "    print(line)",
        ),
        ("For very large files loop over `open(...)` line by line.",),
        "python",
    ),
    HowTo(
        r"missing values|\bnans?\b|nulls? in pandas",
        "Missing values",
        "In pandas you count, drop or fill them:",
        (
            "df.isna().sum()                        # how many per column",
            'df = df.dropna(subset=["price"])       # leave out rows without a price',
            'df["city"] = df["city"].fillna("unknown")',
        ),
        ("Ask why they are missing before you fill them.",),
        "python",
    ),
    HowTo(
        r"remove duplicates|drop duplicates",
        "Removing duplicates",
        "For a list, and for a DataFrame:",
        (
            "unique = list(dict.fromkeys(items))              # keeps the order",
            'df = df.drop_duplicates(subset=["email"], keep="first")',
        ),
        (),
        "python",
    ),
    HowTo(
        r"merge (?:two )?(?:data ?frames|tables)|join (?:two )?data ?frames",
        "Merging DataFrames",
        "pandas joins on a common column:",
        ('merged = orders.merge(customers, on="customer_id", how="left", validate="many_to_one")',),
        ("`validate` raises an error when a key occurs twice where it must not.",),
        "python",
    ),
    HowTo(
        r"change (?:a |my )?(?:flat |car |bike )?t[iy]re",
        "A flat tyre",
        "Take your time and stand away from the traffic:",
        (
            "Put on the hazard lights and the hand brake, and loosen the wheel nuts half a turn.",
            "Set the jack under the frame where the manual shows it, and lift the car.",
            "Take off the nuts and the wheel, and put the spare on.",
            "Tighten the nuts crosswise by hand, lower the car, and tighten them fully.",
        ),
    ),
    HowTo(
        r"learn (?:to )?(?:python|program|code|coding)",
        "Learning to program",
        "A way that works for many:",
        (
            "Work through one beginner's tutorial to the end, typing everything yourself.",
            "Write a small program that you need: a timer, a list of bills, a plot of your runs.",
            "Read the error messages slowly; they say where and what.",
            "Read other people's code, and let somebody read yours.",
        ),
        ("Half an hour a day beats a long Sunday.",),
    ),
    HowTo(
        r"fall asleep|sleep better",
        "Sleeping better",
        "What usually helps:",
        (
            "Go to bed and get up at the same time every day.",
            "Put screens away an hour before, and keep the room dark and cool.",
            "Leave coffee alone after lunch.",
            "If you lie awake for long, get up and read something dull.",
        ),
        ("If it goes on for weeks, ask a doctor.",),
    ),
    HowTo(
        r"moving house|move house",
        "Moving house",
        "The list in its usual order:",
        (
            "Give notice and book the van six weeks ahead.",
            "Tell the bank, the post, the electricity and your employer the new address.",
            "Sort out, give away, and pack room by room; mark every box.",
            "Pack one bag with what you need on the first night.",
            "Read the meters, clean, and hand over the keys.",
        ),
    ),
)
"""What is known, the special before the general."""
