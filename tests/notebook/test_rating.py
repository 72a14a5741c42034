"""Blind rating from Python: which pairs come, what is logged, what is taken back, and that nobody is named."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display
from IPython.utils.capture import capture_output

from portkey_nb import Comparison, RunStore
from portkey_nb.engine.record import Run
from portkey_nb.errors import PromptError, StoreError
from portkey_nb.notebook.pairing import joined
from portkey_nb.notebook.rating import Rating
from tests.engine.runs_of import done
from tests.hostile import REPLIES
from tests.safe_html import dangers

BLIND = r"blind: (?:won|lost|tie) against \w+"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RunStore]:
    with RunStore(tmp_path / "rated.sqlite") as store:
        yield store


def answered(variant: str, case: int, **facts: Any) -> Run:
    known = {
        "variant": variant,
        "group_label": "sorting",
        "case_id": f"c{case}",
        "vars": {"topic": f"topic {case}"},
        "template": "About {{topic}}",
        "repeat": 0,
        "text": f"{variant * 3} on {case}",
    }
    return done(**{**known, **facts})


def grid(variants: str = "abc", cases: int = 4) -> list[Run]:
    return [answered(variant, case) for variant in variants for case in range(cases)]


def compared(store: RunStore, *rows: Run) -> Comparison:
    store.write([(row, False) for row in rows])
    return again(store)


def again(store: RunStore) -> Comparison:
    return Comparison.from_runs(store.frame(columns="all"), store=store)


def by_alphabet(rating: Rating) -> None:
    """Rate all pairs: what comes first in the alphabet is better."""
    while (pair := rating.pair) is not None:
        rating.answer("left" if pair.left < pair.right else "right")


def html(rating: Rating) -> str:
    """Return the record as a saved notebook has it."""
    return rating._record()["text/html"]


def test_every_pair_of_variants_meets_in_every_cell_once(store: RunStore) -> None:
    rating = compared(store, *grid()).rate(seed=0)
    assert (rating.rated, rating.total, repr(rating)) == (0, 12, "Rating(0 of 12 pairs rated)")
    seen = set()
    while (pair := rating.pair) is not None:
        assert pair.left != pair.right
        assert pair.inputs.startswith(f"c{pair.left[-1]}\n")
        assert pair.left[-1] == pair.right[-1]
        seen.add(frozenset((pair.left, pair.right)))
        rating.answer("tie")
    assert len(seen) == 12
    assert (rating.rated, rating.total) == (12, 12)
    with pytest.raises(PromptError, match="all pairs are rated"):
        rating.answer("tie")


def test_variants_meet_equally_often_all_along(store: RunStore) -> None:
    rating = compared(store, *grid("abcd", 10)).rate(seed=1)
    sides: Counter[str] = Counter()
    for at in range(1, 61):
        assert rating.pair is not None
        sides[rating.pair.left[0]] += 1
        rating.answer("left")
        met = Counter(frozenset(pair) for pair in rating.results[["first", "second"]].itertuples(index=False))
        assert max(met.values()) - (min(met.values()) if len(met) == 6 else 0) <= 1
        games = Counter(name for names in rating.results[["first", "second"]].to_numpy() for name in names)
        assert at < 4 or max(games.values()) - min(games.values()) <= 2
    assert all(0 < sides[variant] < 30 for variant in "abcd")


def test_a_seed_repeats_pairs_and_sides(store: RunStore) -> None:
    compared(store, *grid())

    def order(seed: int) -> list[Any]:
        rating = again(store).rate(seed=seed)
        found = []
        for _ in range(12):
            assert rating.pair is not None
            found.append(rating.pair.runs)
            rating.answer("tie")
        for _ in range(12):
            rating.undo()
        return found

    assert order(1) == order(1)
    assert order(1) != order(2)


def test_ratings_are_in_the_log_at_once_and_found_again(store: RunStore) -> None:
    rating = compared(store, *grid()).rate(seed=3)
    assert rating.pair is not None
    left, right = rating.pair.runs
    rating.answer("left")
    won, lost = store.get(left), store.get(right)
    assert won is not None
    assert lost is not None
    assert (won.rating, won.rating_note) == (1, f"blind: won against {right}")
    assert (lost.rating, lost.rating_note) == (-1, f"blind: lost against {left}")
    rating.answer("tie")
    resumed = again(store).rate(seed=9)
    assert (resumed.rated, resumed.total) == (2, 12)
    assert sorted(resumed.results["outcome"].abs()) == [0, 1]
    by_alphabet(resumed)
    assert again(store).rate().pair is None
    final = again(store).rate().results
    assert len(final) == 12
    played = Counter(frozenset(pair) for pair in final[["first", "second"]].itertuples(index=False))
    assert set(played.values()) == {4}


def test_the_ranking_is_that_of_the_ratings(store: RunStore) -> None:
    comparison = compared(store, *grid())
    rating = comparison.rate(seed=5)
    by_alphabet(rating)
    ranking = rating.ranking()
    assert ranking.index.tolist() == ["a", "b", "c"]
    assert ranking["wins"].tolist() == [8, 4, 0]
    assert (ranking["low"] < ranking["strength"]).all()
    assert comparison.to_frame()["rating"].tolist() == [1] * 4 + [0] * 4 + [-1] * 4
    assert set(comparison.pairs("rating")["n"]) == {4}
    said = rating._record()["text/plain"]
    assert "12 of 12 pairs rated" in said
    assert "from 12 blind ratings" in said


def test_a_run_rated_several_times_has_the_sign_of_the_sum(store: RunStore) -> None:
    rating = compared(store, *grid("abcd", 1)).rate(seed=5)
    by_alphabet(rating)
    frame = store.frame(columns="all").set_index("variant")
    assert frame["rating"].to_dict() == {"a": 1, "b": 1, "c": -1, "d": -1}
    assert set(frame["rating_note"].str.count(BLIND)) == {3}


def test_undo_takes_back_and_asks_again(store: RunStore) -> None:
    rows = grid("ab", 2)
    compared(store, *rows)
    store.annotate(rows[0].run_id, rating=7, rating_note="my favourite")
    rating = again(store).rate(seed=1)
    rating.undo()
    assert rating.rated == 0
    pairs = []
    for verdict in ("left", "right"):
        pairs.append(rating.pair)
        rating.answer(verdict)
    assert rating.pair is None
    rating.undo()
    assert (rating.pair, rating.rated, rating.total) == (pairs[1], 1, 2)
    rating.undo()
    assert (rating.pair, rating.rated, rating.total) == (pairs[0], 0, 2)
    assert len(again(store).rate().results) == 0
    favourite = store.get(rows[0].run_id)
    assert favourite is not None
    assert (favourite.rating, favourite.rating_note) == (7, "my favourite")
    by_alphabet(rating)
    assert rating.rated == 2
    kept = store.get(rows[0].run_id)
    assert kept is not None
    assert kept.rating_note is not None
    assert kept.rating_note.startswith("my favourite\nblind: won against ")


def test_what_cannot_be_written_is_not_counted(store: RunStore) -> None:
    rating = compared(store, *grid("ab", 1)).rate()
    pair = rating.pair
    rating._log = RunStore(store.path.with_name("other.sqlite"))  # type: ignore[union-attr]
    with pytest.raises(StoreError, match="no run"):
        rating.answer("left")
    assert (rating.pair, rating.rated) == (pair, 0)


def test_failed_empty_and_equal_answers_are_left_out(store: RunStore) -> None:
    rows = [
        *grid("ab", 1),
        answered("a", 1, status="error", error="boom"),
        answered("b", 1),
        answered("a", 2, text="  "),
        answered("b", 2),
        answered("a", 3, text="same"),
        answered("b", 3, text="same\n"),
        answered("a", 4),
    ]
    rating = compared(store, *rows).rate()
    assert rating.total == 1
    rating.answer("tie")
    assert "1 pair of equal answers not asked" in rating._record()["text/plain"]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (grid("a", 3), "two variants or more"),
        ([answered("a", 1), answered("b", 2)], "no two variants answered the same case"),
        ([answered("a", 1, text="x"), answered("b", 1, text="x")], "the answers to each case are the same"),
        ([answered("a", 1), answered("b", 1, status="error", text="half")], "two variants or more"),
    ],
)
def test_with_nothing_to_rate_that_is_said_in_one_line(store: RunStore, rows: list[Run], said: str) -> None:
    with pytest.raises(PromptError, match=said) as caught:
        compared(store, *rows).rate()
    assert "\n" not in str(caught.value)


def test_an_unknown_verdict_is_refused(store: RunStore) -> None:
    rating = compared(store, *grid("ab", 1)).rate()
    with pytest.raises(PromptError, match="'both'"):
        rating.answer("both")  # type: ignore[arg-type]
    assert rating.rated == 0


def test_nothing_on_the_page_names_who_answered(store: RunStore) -> None:
    rows = [
        answered(variant, 1, text=text, model=variant, cost_usd=0.1234, latency_s=4.321)
        for variant, text in (("gpt-4o", "short"), ("claude-sonnet", "another"))
    ]
    rating = compared(store, *rows).rate()
    page = str(rating._page())
    assert not any(word in page for word in ("gpt-4o", "claude-sonnet", "0.12", "4.32", *(row.run_id for row in rows)))
    assert not any(word in repr(rating.pair) for word in ("gpt-4o", "claude", *(row.run_id for row in rows)))
    assert "gpt-4o" not in html(rating)
    rating.reveal()
    assert "gpt-4o" not in html(rating)  # nothing is rated, so that there is nothing to rank
    rating.answer("left")
    assert "gpt-4o" in html(rating)


def test_hostile_answers_inputs_and_names_are_harmless(store: RunStore) -> None:
    rows = [
        answered(variant, at, text=f"{variant}\n\n{text}", vars={"topic": text}, expected=text)
        for at, text in enumerate(REPLIES.values())
        for variant in ("<script>window.pwned=1</script>", "b")
    ]
    rating = compared(store, *rows).rate()
    while rating.pair is not None:
        page = rating._page()
        assert page is not None
        assert [found for part in ("inputs", "left", "right") for found in dangers(page[part])] == []
        rating.answer("tie")
    told = html(rating)
    assert "<script" not in told
    assert "&lt;script" in told


def test_a_huge_answer_is_shown_in_part(store: RunStore) -> None:
    rows = [answered("a", 1, text="word " * 200_000), answered("b", 1, vars={"topic": "t" * 1_000_000})]
    rating = compared(store, *rows).rate()
    page = rating._page()
    assert page is not None
    assert sum(len(page[part]) for part in ("inputs", "left", "right")) < 300_000
    assert "characters more" in page["left"] + page["right"]


def test_threads_rate_each_pair_once(store: RunStore) -> None:
    rating = compared(store, *grid("abcd", 5)).rate()
    failures: list[BaseException] = []

    def rate() -> None:
        for _ in range(30):
            try:
                rating.answer("left")
            except PromptError:
                return
            except BaseException as error:
                failures.append(error)

    threads = [threading.Thread(target=rate) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert rating.rated == 30
    assert len(again(store).rate().results) == 30


def test_rating_a_part_of_a_comparison_leaves_the_whole_alone(store: RunStore) -> None:
    whole = compared(store, *grid("ab", 3))
    part = whole.different()
    by_alphabet(part.rate())
    assert part.to_frame()["rating"].notna().all()
    assert whole.to_frame()["rating"].isna().all()


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from([1, 0, -1, None])), max_size=12), st.text())
def test_a_note_keeps_the_last_rating_against_each_run(given: list[tuple[int, int | None]], own: str) -> None:
    note, kept = own, {}
    rating = 0
    for run, outcome in given:
        rating, note = joined(note, f"R{run}", outcome)
        kept.pop(run, None)
        if outcome is not None:
            kept[run] = outcome
    total = sum(kept.values())
    assert rating == (total > 0) - (total < 0)
    assert note.splitlines()[: len(own.splitlines())] == own.splitlines()


@pytest.fixture
def front(shell: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make the shell that of the process, to which displays go."""
    monkeypatch.setattr(InteractiveShell, "_instance", shell)
    return shell


def shown(rating: Rating) -> list[dict[str, Any]]:
    with capture_output() as captured:
        display(rating)
    return [output.data for output in captured.outputs]


def test_the_display_is_a_widget_and_under_it_what_is_saved(store: RunStore, front: Any) -> None:
    rating = compared(store, *grid("ab", 2)).rate()
    widget, record = shown(rating)
    assert {"application/vnd.jupyter.widget-view+json", "text/html", "text/plain"} <= set(widget)
    assert "0 of 2 pairs rated" in record["text/html"]
    assert not any("aaa on" in str(data) for data in (widget, record))
    by_alphabet(rating)
    (ranking,) = shown(rating)
    assert "2 of 2 pairs rated" in ranking["text/plain"]


def test_a_key_pressed_twice_rates_one_pair(store: RunStore, front: Any) -> None:
    rating = compared(store, *grid("ab", 3)).rate()
    shown(rating)
    page = rating._page()
    assert page is not None
    for do in ("left", "left", "nonsense"):
        rating._act({"do": do, "token": page["token"]})
    assert rating.rated == 1
    rating._act({})
    assert rating.rated == 1


def test_a_log_that_fails_is_said_on_the_page(store: RunStore, front: Any) -> None:
    rating = compared(store, *grid("ab", 1)).rate()
    shown(rating)
    assert store.path is not None
    rating._log = RunStore(store.path.with_name("other.sqlite"))
    pages = []
    for _ in range(2):
        rating._act({"do": "left", "token": 0})
        assert rating._screen is not None
        pages.append(rating._screen._widget.page)
    assert all("no run" in page["trouble"] for page in pages)
    assert pages[0] != pages[1]  # the page hears of each
    rating._log = store
    rating._act({"do": "left", "token": 0})
    assert rating.rated == 1
