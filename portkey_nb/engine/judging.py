"""A model as judge: answers scored by a rubric, two answers compared both ways round, and how far people agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, overload

from portkey_nb.engine.asking import call_from, reply_of, tell_trouble
from portkey_nb.engine.call import Call, Outcome
from portkey_nb.engine.reply import Reply
from portkey_nb.engine.rounds import Rounds
from portkey_nb.engine.rubrics import pair_messages, score_messages, score_schema, winner_schema
from portkey_nb.engine.runner import Runner
from portkey_nb.engine.running import Running
from portkey_nb.engine.scores import Answer, Score, Scorer, attempted
from portkey_nb.engine.shapes import one_line, quoted
from portkey_nb.errors import PortkeyError, PromptError

if TYPE_CHECKING:
    import pandas as pd

Preference = Literal["first", "second", "tie"]
_OWN = ("schema", "tools", "images", "prompt", "response_format")
_LONGEST_REASON = 250


@dataclass(frozen=True)
class Verdict:
    """Which of two answers a judge prefers.

    Attributes
    ----------
    preferred : {"first", "second", "tie"}
        A win only where the judge said so in both orders.
    reasons : tuple of str
        Why, in the given order and in the other one.
    """

    preferred: Preference
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False)
class _Asking:
    """What asks a judging model: the rubric, and how it is asked."""

    model: str
    rubric: str
    options: Mapping[str, Any] = field(default_factory=dict)
    name: str = "judge"

    def __post_init__(self) -> None:
        if not isinstance(self.model, str) or not self.model:
            raise PromptError(f"judge({quoted(self.model)}): give the judging model's name, as in judge('gpt-4o', ...)")
        if not isinstance(self.rubric, str) or not self.rubric.strip():
            raise PromptError("the judge has no rubric; say in words what makes an answer good")
        for option in _OWN:
            if option in self.options:
                raise PromptError(f"judge({option}=...): the judge sets {option!r} itself; leave it out")

    def _call(
        self, messages: list[dict[str, Any]], schema: Mapping[str, Any], judged: Answer, tags: Mapping[str, Any]
    ) -> tuple[Call, Runner]:
        # Asking the same again gives the same from the log, and is not paid twice.
        call, runner = call_from(messages, self.model, {"cache": True, **self.options, "schema": schema})
        run = judged.run
        facts = {
            **call.facts,
            "source": "judge",
            "parent_run_id": run.run_id,
            "group_id": run.group_id,
            "group_label": run.group_label,
            "case_id": run.case_id,
            "cell_id": run.cell_id,
            "notebook": run.notebook,
            "tags": {**(call.facts.get("tags") or {}), **tags},
        }
        return replace(call, facts=facts), runner


def _asked(calls: Sequence[Call], runner: Runner) -> list[Outcome | PortkeyError | None]:
    """Make calls side by side, and return how they came out; an interrupt stops them and goes on."""
    running = Running(runner, calls)
    try:
        for _ in running.events(tick=1.0):
            pass
    except BaseException:
        running.stop()
        raise
    tell_trouble(runner.store)
    return running.outcomes()


def _reply(call: Call, outcome: Outcome | PortkeyError | None) -> Reply:
    if isinstance(outcome, PortkeyError):
        raise outcome
    if outcome is None or outcome.run.status == "interrupted":
        raise PortkeyError("the judge was interrupted; what came is in runs()")
    if outcome.error is not None:
        raise outcome.error
    return reply_of(Rounds(call), outcome)


@dataclass(frozen=True, repr=False)
class Judge(_Asking, Scorer):
    """A scorer that asks a model; made by :func:`judge`."""

    scale: tuple[int, int] = (1, 5)
    pass_at: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        low, high = _scale(self.scale)
        if self.pass_at is not None and not low <= self.pass_at <= high:
            raise PromptError(f"judge(pass_at={self.pass_at!r}): give a number from {low} to {high}, as the scale")

    def score(self, answer: Answer) -> Score:
        """Ask for a score of one answer; what goes wrong becomes the note of an unknown score."""
        return attempted(lambda: self._judged(answer))

    def within(self, **options: Any) -> Judge:
        """Return this judge with further options of asking, such as ``store``, where it has none of its own."""
        return replace(self, options={**options, **self.options})

    def call(self, answer: Answer) -> Call:
        """Return the call that asks for a score, for a batch that makes many of them; :meth:`read` takes its outcome.

        Raises
        ------
        PortkeyError
            When the call cannot be built.
        """
        return self._built(answer)[0]

    def read(self, call: Call, outcome: Outcome | PortkeyError | None) -> Score:
        """Return the score that an outcome of :meth:`call` holds; what went wrong becomes its note."""
        return attempted(lambda: self._found(call, outcome))

    def _built(self, answer: Answer) -> tuple[Call, Runner]:
        messages = score_messages(self.rubric, answer, self.scale)
        return self._call(messages, score_schema(self.scale), answer, {"scorer": self.name})

    def _judged(self, answer: Answer) -> Score:
        call, runner = self._built(answer)
        return self._found(call, _asked([call], runner)[0])

    def _found(self, call: Call, outcome: Outcome | PortkeyError | None) -> Score:
        found = _reply(call, outcome).parsed
        value = float(found["score"])
        passed = None if self.pass_at is None else value >= self.pass_at
        return Score(value, passed, one_line(found["reason"], _LONGEST_REASON))


@dataclass(frozen=True, repr=False)
class PairJudge(_Asking):
    """Asks a model which of two answers is better; made by :func:`judge_pair`."""

    def verdict(self, first: Answer, second: Answer) -> Verdict:
        """Compare two answers to the same case, once in each order.

        Returns
        -------
        Verdict
            A win where the judge prefers the same answer in both orders, else a tie.

        Raises
        ------
        PortkeyError
            When one of the two calls fails, or its answer does not fit; both are in the log.
        """
        pair = {"scorer": self.name, "pair": [first.run.run_id, second.run.run_id]}
        built = [
            self._call(pair_messages(self.rubric, one, other), winner_schema(), one, pair)
            for one, other in ((first, second), (second, first))
        ]
        calls = [call for call, _ in built]
        outcomes = _asked(calls, built[0][1])
        found = [_reply(call, outcome).parsed for call, outcome in zip(calls, outcomes, strict=True)]
        said = (found[0]["winner"], found[1]["winner"])
        preferred: Preference = "tie"
        if said in (("A", "B"), ("B", "A")):
            preferred = "first" if said[0] == "A" else "second"
        return Verdict(preferred, tuple(one_line(one["reason"], _LONGEST_REASON) for one in found))

    def prefer(self, first: Answer, second: Answer) -> Preference:
        """Return which of two answers is better; as :meth:`verdict`, without the reasons."""
        return self.verdict(first, second).preferred

    def within(self, **options: Any) -> PairJudge:
        """Return this judge with further options of asking, such as ``store``, where it has none of its own."""
        return replace(self, options={**options, **self.options})

    def __repr__(self) -> str:
        return f"<pair judge {self.name}>"


@overload
def judge(
    model: str,
    rubric: str,
    *,
    scale: tuple[int, int] = ...,
    pass_at: float | None = ...,
    pair: Literal[False] = ...,
    name: str = ...,
    **ask_options: Any,
) -> Judge: ...
@overload
def judge(
    model: str,
    rubric: str,
    *,
    scale: tuple[int, int] = ...,
    pass_at: float | None = ...,
    pair: Literal[True],
    name: str = ...,
    **ask_options: Any,
) -> PairJudge: ...
def judge(
    model: str,
    rubric: str,
    *,
    scale: tuple[int, int] = (1, 5),
    pass_at: float | None = None,
    pair: bool = False,
    name: str = "judge",
    **ask_options: Any,
) -> Judge | PairJudge:
    """Make a scorer that asks a model for a score by a rubric.

    Parameters
    ----------
    model : str
        The judging model.
    rubric : str
        What makes an answer good, in words.
    scale : (int, int)
        Lowest and highest score.
    pass_at : float, optional
        From which score on an answer passes; without it the judge only scores.
    pair : bool
        Make a judge between two answers instead, as :func:`judge_pair` does.
    name : str
        Its column is ``score_<name>``.
    **ask_options
        As for :func:`portkey_nb.ask`: ``base_url``, ``config``, ``temperature``, ``store`` ... ``cache`` is True by
        default, so that an answer judged once is not judged, and paid, again.

    Returns
    -------
    Judge or PairJudge
        Each call is a row of the log with ``source`` "judge", its own cost, the judged run as ``parent_run_id``, and
        that run's group.

    Raises
    ------
    PromptError
        When the rubric is empty, the scale is none, or an option is the judge's own.

    Notes
    -----
    The judged text is a stranger's: it stands as data between lines with a seal that no text can hold, and the judge
    is told to follow nothing in it. That makes it hard to talk a judge into a score, not impossible: hold its scores
    against people's with :func:`agreement_with_people`.

    Examples
    --------
    >>> from portkey_nb.engine.scoring import score_text
    >>> helpful = judge("gpt-4o", "Is the capital right?", pass_at=4, base_url="demo")
    >>> found = score_text(helpful, "The capital of France is Paris.", expected="Paris")
    >>> found.value, found.passed
    (5.0, True)
    """
    if pair:
        return judge_pair(model, rubric, name=name, **ask_options)
    return Judge(model, rubric, dict(ask_options), name, _scale(scale), pass_at)


def judge_pair(model: str, rubric: str, *, name: str = "judge", **ask_options: Any) -> PairJudge:
    """Make a judge between two answers, which is asked in both orders: models prefer what stands first, or last.

    Parameters
    ----------
    model, rubric, name, **ask_options
        As for :func:`judge`.

    Returns
    -------
    PairJudge
        With ``.prefer(first, second)``: "first", "second" or "tie".

    Examples
    --------
    >>> from portkey_nb.engine.scoring import answer_of
    >>> better = judge_pair("gpt-4o", "Is the capital right?", base_url="demo")
    >>> better.prefer(answer_of("It is Paris.", expected="Paris"), answer_of("It is Lyon.", expected="Paris"))
    'first'
    """
    return PairJudge(model, rubric, dict(ask_options), name)


def _scale(given: Any) -> tuple[int, int]:
    ends = list(given) if isinstance(given, tuple | list | range) else []
    if isinstance(given, range) and ends:
        ends = [ends[0], ends[-1]]
    whole = [end for end in ends if isinstance(end, int) and not isinstance(end, bool)]
    if len(ends) != 2 or len(whole) != 2 or not whole[0] < whole[1]:
        raise PromptError(f"judge(scale={quoted(given)}): give two whole numbers, the lower one first, as in (1, 5)")
    return whole[0], whole[1]


def agreement_with_people(frame: pd.DataFrame, name: str = "judge", pass_at: float | None = None) -> dict[str, Any]:
    """Hold a judge's scores against what people said of the same rows.

    Parameters
    ----------
    frame : DataFrame
        Of runs, with the column ``score_<name>``, and people's ``rating`` or, where no row is rated, ``passed``.
    name : str
        The judge's name.
    pass_at : float, optional
        From which score on the judge is content. With it, ``share`` and ``kappa`` are of yes and no on both sides (a
        person's rating above 0 is a yes). Without it they are NA: a score from 1 to 5 and a rating are different
        scales, of which only the ranks can be compared.

    Returns
    -------
    dict
        ``judge``, ``people`` (the columns taken), and what the statistics tell of the rows that have both: ``n``,
        ``share`` (that agree), ``kappa`` (Cohen's), ``spearman`` (of scores and ratings as they are) with its interval,
        ``method``.

    Raises
    ------
    PromptError
        When the frame has no such column, or no row has both.

    Notes
    -----
    ``passed`` is what the scorers said, the judge among them, unless a person has set it: rate the answers where you
    can.

    Examples
    --------
    >>> import pandas as pd
    >>> rated = pd.DataFrame({"score_judge": [5, 4, 2, 1], "rating": [1, 1, 1, -1]})
    >>> found = agreement_with_people(rated, pass_at=4)
    >>> found["n"], found["share"], found["kappa"]
    (4, 0.75, 0.5)
    """
    # heavy: numpy and scipy, which only this question needs
    from pandas import NA

    from portkey_nb.engine.statistics import agreement

    column = f"score_{name}"
    if column not in frame.columns:
        known = ", ".join(one for one in map(str, frame.columns) if one.startswith("score_")) or "none"
        raise PromptError(f"no column {column!r} in the frame (scores: {known}); name the judge as in name='quality'")
    for people in ("rating", "passed"):
        if people not in frame.columns:
            continue
        both = frame[[column, people]].dropna()
        if len(both):
            break
    else:
        raise PromptError(f"no row has {column!r} and a person's rating or passed; rate some answers first")
    judged, said = both[column].astype(float), both[people].astype(float)
    found = agreement(judged, said)
    same: Mapping[str, Any] = dict.fromkeys(("share", "kappa"), NA)
    if pass_at is not None:
        same = agreement(judged >= pass_at, said > 0)
    return {"judge": column, "people": people, **found, "share": same["share"], "kappa": same["kappa"]}
