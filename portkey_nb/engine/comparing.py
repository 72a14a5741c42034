"""``compare`` and ``acompare``: prompts x models x cases x repeats, asked side by side, logged, scored, resumed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import aclosing, closing
from typing import TYPE_CHECKING, Any

from portkey_nb.engine.batch import Limits
from portkey_nb.engine.comparison import Comparison
from portkey_nb.engine.crew import ClusterGone
from portkey_nb.engine.experiment import Asked, Experiment

if TYPE_CHECKING:
    import os

    import pandas as pd

    from portkey_nb.engine.store import RunStore
    from portkey_nb.engine.variants import Variant
    from portkey_nb.gateway.client import AsyncPortkey, Portkey


def compare(
    prompts: str | Sequence[Any] | Mapping[str, Any],
    models: str | Variant | Mapping[str, Any] | Sequence[str | Variant | Mapping[str, Any]],
    *,
    cases: pd.DataFrame | Iterable[Mapping[str, Any]] | None = None,
    system: str | None = None,
    params: Mapping[str, Any] | None = None,
    repeats: int = 1,
    scorers: Any = (),
    concurrency: int = 8,
    per_model: int = 4,
    max_cost_usd: float | None = None,
    cache: bool = True,
    name: str | None = None,
    progress: bool = True,
    client: Portkey | AsyncPortkey | None = None,
    store: RunStore | str | os.PathLike[str] | None = None,
    executor: Any = None,
    trace_metadata: bool | None = None,
) -> Comparison:
    """Ask prompts x models x cases x repeats side by side, and return their answers as a Comparison.

    Every call is a row of the run log, written as it completes; an error is a row, not an exception.

    Parameters
    ----------
    prompts : str, list or mapping
        A template, a list of templates, or label -> template. ``{{column}}`` is filled in from the case's columns,
        once: what goes in is not looked at again, and braces around what can be no column's name stay. A list of
        messages may stand for a template.
    models : str, Variant, mapping, or a list of these
        A mapping has the fields of a :class:`portkey_nb.Variant`. Labels are made to differ.
    cases : DataFrame or list of mappings, optional
        One row for each case. ``expected`` is the reference answer; ids come from a column ``case_id`` or ``id``, else
        rows are numbered from 1.
    system : str, optional
        A system message; columns are filled in as in a template.
    params : mapping, optional
        Request parameters (``temperature``, ``max_tokens`` ...) of all variants; a variant's own go before them.
    repeats : int
        How often each question is asked.
    scorers : scorer-like, list or mapping
        As for ``portkey_nb.scorers``: names ("exact"), functions of (text, expected), judges. Each gives a column
        ``score_<name>``; ``passed`` is whether all that say so are content; ``tags["scorers"]`` holds what they said.
    concurrency, per_model : int
        Requests in flight at once, in all and of one model.
    max_cost_usd : float, optional
        Nothing more is sent once this much was paid, judges included; what is left out is said in ``.notes``. May be
        exceeded by the requests in flight only.
    cache : bool
        Whether the run log answers what was asked just so before, repeat by repeat; such rows are ``cached``, and
        nothing is paid for them.
    name : str, optional
        What it is called. Called again with the same name it asks only for what has no answer yet.
    progress : bool
        Show a progress bar.
    client : Portkey or AsyncPortkey, optional
        Its gateway, keys and options are used, on connections of the comparison's own: one with a transport is refused.
    store : RunStore, str or path, optional
        Another run log than the default one.
    executor : distributed.Client, optional
        The workers of a Dask cluster make the calls and write their rows (``pip install "portkey_nb[dask]"``). The
        limits hold for all workers together. Plain scorers run here. While requests are recorded or replayed, which
        workers do not, the calls are made in this process, and a line says so. From a client on the running event
        loop, use :func:`acompare`.
    trace_metadata : bool, optional
        Whether run id, notebook, cell and group go along as Portkey's metadata, with judges' calls as well; by default
        as the settings say.

    Returns
    -------
    Comparison

    Raises
    ------
    PromptError
        Before any call: a template that names a column which the cases do not have, or in which a case has no value;
        no or twice the same cases; no models.
    SettingsError
        Before any call: a budget for a model without a price; a template, system message, parameter or case that is not
        what was answered under this name.
    PortkeyError
        When a person interrupts it, or the Dask cluster of ``executor`` is gone; what is done is kept, and the
        message says how to go on.

    Examples
    --------
    >>> from portkey_nb import Portkey
    >>> found = compare(
    ...     "What is the capital of {{country}}?",
    ...     ["gpt-4o", "demo-fast"],
    ...     cases=[{"country": "France", "expected": "Paris"}, {"country": "Peru", "expected": "Lima"}],
    ...     scorers=["contains"],
    ...     client=Portkey(base_url="demo"),
    ...     progress=False,
    ... )
    >>> found.to_frame()[["variant", "case_id", "status", "score_contains"]].values.tolist()[0]
    ['gpt-4o', '1', 'ok', 1.0]
    """
    work = Experiment(_asked(locals()))
    try:
        _run(work)
    except (KeyboardInterrupt, ClusterGone) as end:
        stopped = work.stopped(end)
    else:
        return work.comparison()
    raise stopped


async def acompare(
    prompts: str | Sequence[Any] | Mapping[str, Any],
    models: str | Variant | Mapping[str, Any] | Sequence[str | Variant | Mapping[str, Any]],
    *,
    cases: pd.DataFrame | Iterable[Mapping[str, Any]] | None = None,
    system: str | None = None,
    params: Mapping[str, Any] | None = None,
    repeats: int = 1,
    scorers: Any = (),
    concurrency: int = 8,
    per_model: int = 4,
    max_cost_usd: float | None = None,
    cache: bool = True,
    name: str | None = None,
    progress: bool = True,
    client: Portkey | AsyncPortkey | None = None,
    store: RunStore | str | os.PathLike[str] | None = None,
    executor: Any = None,
    trace_metadata: bool | None = None,
) -> Comparison:
    """Compare from a coroutine; parameters, result and errors as for :func:`compare`.

    A cancelled task keeps what is done, in the run log.
    """
    work = await asyncio.to_thread(Experiment, _asked(locals()))
    try:
        await _arun(work)
    except ClusterGone as end:
        stopped = await asyncio.to_thread(work.stopped, end)
    else:
        return await asyncio.to_thread(work.comparison)
    raise stopped


def _asked(given: Mapping[str, Any]) -> Asked:
    names = ("concurrency", "per_model", "max_cost_usd")
    limits = Limits(**{name: given[name] for name in names})
    return Asked(limits=limits, **{name: value for name, value in given.items() if name not in names})


def _run(work: Experiment) -> None:
    work.grade_kept()
    with work.bar() as bar, closing(work.batch(bar).outcomes()) as outcomes:
        for index, outcome in outcomes:
            work.answered(index, outcome)
    with work.judge_bar() as bar, closing(work.judging(bar).outcomes()) as outcomes:
        for index, outcome in outcomes:
            work.judged(index, outcome)


async def _arun(work: Experiment) -> None:
    # Scorers are a person's functions and may take their time: not on the caller's loop.
    await asyncio.to_thread(work.grade_kept)
    with work.bar() as bar:
        async with aclosing(work.batch(bar).aoutcomes()) as outcomes:
            async for index, outcome in outcomes:
                await asyncio.to_thread(work.answered, index, outcome)
    with work.judge_bar() as bar:
        async with aclosing(work.judging(bar).aoutcomes()) as outcomes:
            async for index, outcome in outcomes:
                await asyncio.to_thread(work.judged, index, outcome)
