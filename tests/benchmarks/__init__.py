"""Benchmarks: what is measured, beside which peers, and in which shape.

``python -m tests.benchmarks`` runs every module of this folder that has a function ``measurements`` in a throw-away
environment with the peers installed, prints one table and writes the figures into the README. A module is found by its
name; there is no list to add it to. It looks like this::

    \"\"\"What is measured here, in one sentence.

    Run as ``python -m tests.benchmarks.parsing``; ``--quick`` for fewer rounds.
    \"\"\"

    from tests.benchmarks.face import face
    from tests.benchmarks.measurement import Measurement, Size, by_turns

    def measurements(size: Size) -> Iterator[Measurement]:
        rounds = size.pick(quick=3, default=7, full=15)
        took = by_turns(
            {"portkey_nb": ours, "openai": theirs, "a bare socket": limit},  # each () -> float; ours comes first
            rounds,
        )
        yield Measurement("parsing 20,000 chunks", "ms", took, target="a tenth of openai's or less")

    if __name__ == "__main__":
        face(measurements, __doc__)

- Each measurement is yielded as soon as it is there: what was measured before an error is kept.
- ``took`` maps who was measured to one value for each round; the first one is portkey_nb. Values are numbers in the
  unit, which stands behind the number in the table (``ms``, ``chunks/s``, ``MB``, ``of 4,000 rows lost``). A peer that
  is not there has a sentence (a str) with the reason in place of its values; so has portkey_nb where a part is missing
  (no Node, no Chromium, no PostgreSQL). Where nothing is beside it, the mapping has one entry.
- Rounds are interleaved (``by_turns`` does it), the table shows medians, the spread, and the median of the ratios round
  by round: a busy moment touches both sides alike.
- ``size`` is ``Size.QUICK`` (a module takes some 20 seconds), ``Size.DEFAULT`` or ``Size.FULL`` (the sizes that the
  project names). What holds only at one size names the size in ``what``: "1,000,000 rows to a DataFrame".
- ``target`` is in words, where the project names one. ``what`` is the row's name in the README and unique.
- Peers are imported late, so that one that is missing is a row with a reason and not an error. Homes and files are in
  temporary folders, and nothing speaks to anything but loopback.
"""
