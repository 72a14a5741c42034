"""The pace of one model: places, a rate that falls on 429 and rises again, Retry-After; on a clock of our own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portkey_nb.engine.pacing import LONGEST_PAUSE_S, SLOWEST_PER_S, ModelPace, pause_s
from portkey_nb.errors import APIConnectionError, APITimeoutError, PortkeyError, StreamIncomplete, status_error


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def refused(**headers: str) -> PortkeyError:
    return status_error("slow down", status=429, headers={name.replace("_", "-"): v for name, v in headers.items()})


def send(pace: ModelPace, clock: Clock, error: PortkeyError | None = None, took: float = 0.1) -> None:
    """Send one request as soon as the pace allows, and let it end."""
    wait = pace.wait_s()
    assert wait is not None
    clock.now += wait
    began = pace.sent()
    clock.now += took
    pace.ended(began, error)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_as_many_as_there_are_places_go_at_once(clock: Clock) -> None:
    pace = ModelPace(2, clock)
    first = pace.sent()
    assert pace.wait_s() == 0
    pace.sent()
    assert pace.wait_s() is None
    pace.ended(first)
    assert pace.wait_s() == 0
    assert not pace.slowed


def test_a_429_halves_what_was_sent_in_the_last_second(clock: Clock) -> None:
    pace = ModelPace(100, clock)
    began = [pace.sent() for _ in range(40)]
    clock.now += 0.5
    pace.ended(began[0], refused())
    assert pace.rate == pytest.approx(40)
    assert pace.slowed
    assert pace.wait_s() == pytest.approx(1 / 40)


def test_requests_that_were_under_way_together_slow_it_once(clock: Clock) -> None:
    pace = ModelPace(100, clock)
    began = [pace.sent() for _ in range(40)]
    for moment in began:
        clock.now += 0.2
        pace.ended(moment, refused())
    assert pace.rate == pytest.approx(80)


def test_it_goes_on_falling_while_answers_are_429(clock: Clock) -> None:
    pace = ModelPace(100, clock)
    rates = []
    for _ in range(60):
        send(pace, clock, refused(), took=1.5)
        rates.append(pace.rate)
    assert rates == sorted(rates, key=lambda rate: -(rate or 0))
    assert rates[-1] == SLOWEST_PER_S


def test_it_rises_with_answers_that_come_well_until_there_is_no_rate(clock: Clock) -> None:
    pace = ModelPace(100, clock)
    for moment in [pace.sent() for _ in range(10)]:
        pace.ended(moment, refused())
    assert pace.rate == pytest.approx(20)
    rates = []
    for _ in range(2000):
        send(pace, clock, took=0.01)
        if pace.rate is None:
            break
        rates.append(pace.rate)
    assert pace.rate is None
    assert not pace.slowed
    assert rates == sorted(rates)
    # Back where it fell within seconds, and beyond only slowly.
    assert sum(1 for rate in rates if rate < 40) < 20
    assert len(rates) > 200


def test_a_lone_429_of_a_slow_model_is_overcome(clock: Clock) -> None:
    pace = ModelPace(4, clock)
    send(pace, clock, refused())
    assert pace.slowed
    for _ in range(100):
        send(pace, clock, took=1)
    assert not pace.slowed


def test_a_slow_model_is_judged_by_as_long_as_its_answer_took(clock: Clock) -> None:
    pace = ModelPace(4, clock)
    moments = [pace.sent() for _ in range(4)]
    clock.now += 8
    pace.ended(moments[0], refused())
    assert pace.rate == pytest.approx(0.25, rel=0.01)


def test_the_rate_finds_what_a_model_bears(clock: Clock) -> None:
    pace = ModelPace(100, clock)
    stock, at, good, bad = 5.0, clock.now, 0, 0
    began = clock.now
    while clock.now < began + 60:
        wait = pace.wait_s()
        assert wait is not None
        clock.now += max(wait, 0.005)
        stock, at = min(5.0, stock + 5 * (clock.now - at)), clock.now
        moment = pace.sent()
        if stock >= 1:
            stock -= 1
            good += 1
            pace.ended(moment)
        else:
            bad += 1
            pace.ended(moment, refused())
    assert good > 250
    assert bad < good


def test_other_failures_neither_slow_nor_hasten(clock: Clock) -> None:
    pace = ModelPace(4, clock)
    send(pace, clock, status_error("oh", status=500))
    assert pace.rate is None
    send(pace, clock, refused())
    fallen = pace.rate
    send(pace, clock, status_error("oh", status=500))
    assert pace.rate == fallen


def test_retry_after_holds_for_the_whole_model(clock: Clock) -> None:
    pace = ModelPace(4, clock)
    send(pace, clock, refused(retry_after="30"))
    assert pace.wait_s() == pytest.approx(30)
    clock.now += 29
    assert pace.wait_s() == pytest.approx(1)
    assert pace.slowed
    clock.now += 1
    assert pace.wait_s() == 0
    # A shorter one that comes later does not cut the longer one short.
    first, second = pace.sent(), pace.sent()
    pace.ended(first, refused(retry_after="20"))
    pace.ended(second, refused(retry_after="2"))
    assert pace.wait_s() == pytest.approx(20)


def test_a_pause_longer_than_a_batch_waits_closes_the_model(clock: Clock) -> None:
    pace = ModelPace(4, clock)
    send(pace, clock, refused(retry_after=str(LONGEST_PAUSE_S + 1)))
    assert pace.closed
    assert pace.slowed
    clock.now += LONGEST_PAUSE_S + 2
    assert not pace.closed


@given(st.lists(st.sampled_from(["ok", "429", "500"]), max_size=200), st.floats(0.001, 5))
def test_there_is_always_a_next_time(answers: list[str], took: float) -> None:
    clock = Clock()
    pace = ModelPace(1, clock)
    for answer in answers:
        wait = pace.wait_s()
        assert wait is not None
        assert wait <= 1 / SLOWEST_PER_S + 1
        send(pace, clock, None if answer == "ok" else status_error("no", status=int(answer)), took)
        assert pace.in_flight == 0


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 529])
def test_what_may_pass_is_tried_again_and_ever_later(status: int) -> None:
    error = status_error("no", status=status)
    pauses = [pause_s(error, attempt, 6) for attempt in range(1, 6)]
    assert all(pause is not None and pause > 0 for pause in pauses)
    assert (pauses[0] or 0) < 1 < (pauses[4] or 0) <= 60
    assert pause_s(error, 6, 6) is None


@pytest.mark.parametrize("status", [400, 401, 403, 404, 412, 422, 446])
def test_what_stays_wrong_is_not(status: int) -> None:
    assert pause_s(status_error("no", status=status), 1, 6) is None


def test_connections_that_broke_are_tried_again_but_limits_of_ours_are_not() -> None:
    assert pause_s(APIConnectionError("broken"), 1, 2) is not None
    assert pause_s(APITimeoutError("no connection", connected=False), 1, 2) is not None
    assert pause_s(APITimeoutError("no answer"), 1, 2) is None
    assert pause_s(StreamIncomplete("cut"), 1, 2) is None


def test_a_pause_that_the_answer_asks_for_is_kept() -> None:
    assert pause_s(refused(retry_after="7"), 1, 6) == 7
    assert pause_s(refused(retry_after="300"), 5, 6) == 300
    assert pause_s(refused(retry_after="301"), 6, 6) is None
    assert pause_s(refused(retry_after="86400"), 1, 6) is None
