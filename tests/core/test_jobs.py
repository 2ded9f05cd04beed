"""Work that is to be done: never lost, never done twice, whatever happens to those who do it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any
from uuid import UUID

import pytest
import time_machine
from sqlalchemy import func, select

from portal.app import Portal
from portal.core import audit, clock, db, jobs, keyring
from portal.core.audit import Entry
from portal.core.jobs import Handler, Job, JobState, Later, More, Settle
from tests.people import Person


class Breaks(Exception):
    """Whatever goes wrong in a job."""


@pytest.fixture
def quiet(house: Portal) -> Portal:
    """A house whose regular duties are done for now."""
    with db.transaction() as session:
        for duty in session.scalars(select(Job)):
            duty.due_at = clock.now() + timedelta(days=300)
    return house


@pytest.fixture
def task(quiet: Portal) -> Callable[..., None]:
    """Declare a kind of job and queue one of it."""

    def declare(run: Callable[[Job], Any], *, is_errand: bool = False, every: timedelta | None = None, **how: Any) -> None:
        quiet.extensions["jobs"]["task"] = Handler("task", run, every, is_errand)
        with db.transaction():
            jobs.queue("task", **how)

    return declare


def _job() -> Job:
    with db.reading() as session:
        return session.scalars(select(Job).where(Job.kind == "task")).one()


def _acts() -> list[str]:
    with db.reading() as session:
        return list(session.scalars(select(Entry.act).where(Entry.act.like("did%")).order_by(Entry.id)))


def _did(job: Job) -> None:
    audit.record("did", None)


# --- doing


def test_a_due_job_is_done_once(task: Callable[..., None]) -> None:
    task(_did)
    assert jobs.run_due() == 1
    assert jobs.run_due() == 0
    assert _acts() == ["did"]
    assert _job().state == JobState.DONE


def test_what_a_job_needs_is_sealed_and_gone_when_it_is_done(task: Callable[..., None], ada: Person) -> None:
    seen: list[Any] = []
    task(lambda job: seen.append(job.payload), person_id=ada.id, payload={"address": "ada@example.com"})
    assert b"ada@" not in (_job().box or b"")
    jobs.run_due()
    assert seen == [{"address": "ada@example.com"}]
    assert _job().box is None


def test_a_job_that_is_not_due_waits(task: Callable[..., None], later: Callable[..., None]) -> None:
    task(_did, due_in=timedelta(hours=2))
    assert jobs.run_due() == 0
    later(hours=2)
    assert _acts() == ["did"]


def test_the_same_work_is_not_queued_twice(task: Callable[..., None]) -> None:
    task(_did, dedupe_key="once")
    with pytest.raises(Exception, match=r"(?i)unique"), db.transaction():
        jobs.queue("task", dedupe_key="once")


def test_urgent_work_overtakes_what_waits_and_older_work_comes_first(quiet: Portal) -> None:
    order: list[str] = []
    quiet.extensions["jobs"]["task"] = Handler("task", lambda job: order.append(str(job.dedupe_key)))
    now = clock.now()
    with db.transaction() as session:
        for name, priority, age in (("new", 1, 1), ("old", 1, 9), ("urgent new", 0, 1), ("urgent old", 0, 9)):
            session.add(Job(kind="task", dedupe_key=name, priority=priority, due_at=now - timedelta(minutes=age)))
    jobs.run_due()
    assert order == ["urgent old", "urgent new", "old", "new"]


def test_ten_are_taken_at_a_time(quiet: Portal) -> None:
    quiet.extensions["jobs"]["task"] = Handler("task", _did)
    with db.transaction():
        for _turn in range(25):
            jobs.queue("task")
    assert [jobs.run_due() for _turn in range(4)] == [10, 10, 5, 0]
    assert len(_acts()) == 25


def test_a_job_that_has_more_to_do_is_asked_again_at_once(task: Callable[..., None]) -> None:
    left = [1, 2, 3]

    def some(job: Job) -> More | None:
        audit.record(f"did {left.pop()}", None)
        return More() if left else None

    task(some)
    assert [jobs.run_due() for _turn in range(4)] == [1, 1, 1, 0]
    assert _acts() == ["did 3", "did 2", "did 1"]


def test_a_job_that_comes_too_early_looks_again_later_and_that_is_no_failure(
    task: Callable[..., None], later: Callable[..., None]
) -> None:
    answers = [None, Later(timedelta(minutes=5))]
    task(lambda _job: answers.pop())
    jobs.run_due()
    assert (_job().state, _job().attempts) == (JobState.WAITING, 0)
    assert jobs.run_due() == 0
    later(minutes=5)
    assert _job().state == JobState.DONE


def test_a_duty_comes_again_after_its_time(task: Callable[..., None], later: Callable[..., None]) -> None:
    task(_did, every=timedelta(hours=1))
    jobs.run_due()
    assert jobs.run_due() == 0
    later(hours=1)
    assert _acts() == ["did", "did"]


def test_every_duty_stands_in_the_store_once_however_often_the_portal_starts(house: Portal) -> None:
    jobs.appoint(jobs.handlers().values())
    duties = sorted(kind for kind, handler in jobs.handlers().items() if handler.every)
    with db.reading() as session:
        assert sorted(session.scalars(select(Job.kind).where(Job.dedupe_key == Job.kind))) == duties
    assert {"audit_checkpoint", "rotate_keys", "sweep_sessions"} <= set(duties)


def test_two_portals_that_start_at_once_appoint_no_duty_twice(quiet: Portal) -> None:
    handlers = [Handler(f"duty {n}", _did, timedelta(days=1)) for n in range(5)]
    start = Barrier(4)

    def begin() -> None:
        with quiet.app_context():
            start.wait()
            jobs.appoint(handlers)

    _all_at_once([begin] * 4)
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(Job).where(Job.kind.like("duty %"))) == 5


def _all_at_once(work: list[Callable[[], None]]) -> None:
    failed: list[BaseException] = []

    def guarded(one: Callable[[], None]) -> None:
        try:
            one()
        except BaseException as error:  # noqa: BLE001 - a failure in a thread must fail the test
            failed.append(error)

    threads = [Thread(target=guarded, args=(one,)) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_finished_work_is_forgotten_after_a_month(task: Callable[..., None], later: Callable[..., None]) -> None:
    task(_did)
    jobs.run_due()
    later(days=29)
    with db.transaction() as session:
        jobs.sweep_done(session.scalars(select(Job).limit(1)).one())
        assert session.scalar(select(func.count()).select_from(Job).where(Job.kind == "task")) == 1
    later(days=2)
    with db.transaction() as session:
        jobs.sweep_done(session.scalars(select(Job).limit(1)).one())
        assert session.scalar(select(func.count()).select_from(Job).where(Job.kind == "task")) == 0


# --- failing


def _breaks(_job: Job) -> None:
    audit.record("did and broke", None)
    raise Breaks


def test_a_job_that_fails_leaves_nothing_and_is_tried_again_a_minute_later(task: Callable[..., None]) -> None:
    task(_breaks)
    jobs.run_due()
    found = _job()
    assert (found.state, found.attempts, found.leased_until) == (JobState.WAITING, 1, None)
    assert timedelta(seconds=47) < found.due_at - clock.now() < timedelta(seconds=73)
    assert _acts() == []


def test_a_job_that_keeps_failing_waits_longer_each_time_and_is_dead_after_twelve(task: Callable[..., None]) -> None:
    task(_breaks)
    waits = []
    now = clock.now()
    for _attempt in range(12):
        with time_machine.travel(now, tick=False):
            jobs.run_due()
            waits.append((_job().due_at - now) / timedelta(minutes=1))
            now = _job().due_at + timedelta(seconds=1)
    found = _job()
    assert (found.state, found.attempts) == (JobState.DEAD, 12)
    for attempt, wait in enumerate(waits[:11]):
        right = min(2**attempt, 360)
        assert 0.8 * right <= wait <= 1.2 * right
    with time_machine.travel(now + timedelta(days=100)):
        assert not [row for row, _fence in jobs.claim(Job, JobState.WAITING) if row == found.id]


def test_a_duty_is_never_dead_however_often_it_failed(task: Callable[..., None]) -> None:
    task(_breaks, every=timedelta(days=1))
    now = clock.now()
    for _attempt in range(80):
        with time_machine.travel(now, tick=False):
            jobs.run_due()
            now = _job().due_at + timedelta(seconds=1)
    found = _job()
    assert (found.state, found.attempts) == (JobState.WAITING, 80)
    assert found.due_at - now < timedelta(hours=8)


def test_a_job_of_a_kind_that_nobody_knows_stops_no_other(quiet: Portal, task: Callable[..., None]) -> None:
    with db.transaction():
        jobs.queue("unheard of")
    task(_did)
    assert jobs.run_due() == 2
    assert _acts() == ["did"]


def test_a_job_whose_box_does_not_open_stops_no_other(quiet: Portal, task: Callable[..., None], ada: Person, bob: Person) -> None:
    with db.transaction() as session:
        for person in (ada, bob):
            jobs.queue("task", person_id=person.id, payload={"whose": person.name})
        session.flush()
        first, second = session.scalars(select(Job).where(Job.kind == "task"))
        first.box, second.box = second.box, first.box
    task(_did)
    assert jobs.run_due() == 3
    assert _acts() == ["did"]


def test_the_log_of_a_failure_says_where_and_repeats_nothing(task: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    def fails(_job: Job) -> None:
        raise ValueError("ada@example.com is wrong")

    task(fails)
    jobs.run_due()
    said = capsys.readouterr().out
    assert "job_failed" in said
    assert "test_jobs.py" in said
    assert "ada@example.com" not in said


# --- several workers


def test_a_frozen_worker_comes_back_to_find_its_work_taken_over(task: Callable[..., None]) -> None:
    task(_did)
    [(job_id, old_fence)] = jobs.claim(Job, JobState.WAITING)
    assert jobs.claim(Job, JobState.WAITING) == []
    with time_machine.travel(clock.now() + timedelta(seconds=61)):
        [(again, new_fence)] = jobs.claim(Job, JobState.WAITING)
        assert (again, new_fence) == (job_id, old_fence + 1)
        jobs._run(job_id, old_fence)
        assert _acts() == []
        jobs._run(job_id, new_fence)
        jobs._run(job_id, old_fence)
    assert _acts() == ["did"]
    assert _job().state == JobState.DONE


def test_a_frozen_worker_cannot_call_another_system_any_more(task: Callable[..., None]) -> None:
    called: list[UUID] = []

    def call(job: Job) -> Settle:
        called.append(job.id)
        return lambda _taken: None

    task(call, is_errand=True)
    [(job_id, old_fence)] = jobs.claim(Job, JobState.WAITING)
    with time_machine.travel(clock.now() + timedelta(seconds=61)):
        [(_again, new_fence)] = jobs.claim(Job, JobState.WAITING)
        jobs._run(job_id, old_fence)
        assert called == []
        jobs._run(job_id, new_fence)
    assert called == [job_id]


def test_a_worker_frozen_during_its_call_settles_nothing(task: Callable[..., None]) -> None:
    def call(job: Job) -> Settle:
        with db.transaction() as session:
            session.get_one(Job, job.id).fence += 1
        return _did

    task(call, is_errand=True)
    jobs.run_due()
    assert _acts() == []
    assert _job().state == JobState.WAITING


def test_a_failed_worker_that_lost_its_lease_counts_no_attempt(task: Callable[..., None]) -> None:
    task(_breaks)
    [(job_id, fence)] = jobs.claim(Job, JobState.WAITING)
    jobs._run(job_id, fence - 1)
    assert _job().attempts == 0


def test_many_workers_do_each_job_exactly_once(quiet: Portal) -> None:
    quiet.extensions["jobs"]["task"] = Handler("task", lambda job: audit.record(f"did {job.dedupe_key}", None))
    with db.transaction():
        for n in range(60):
            jobs.queue("task", dedupe_key=f"task {n}")
    start = Barrier(4)

    def worker() -> None:
        with quiet.app_context():
            start.wait()
            while jobs.run_due():
                pass

    _all_at_once([worker] * 4)
    assert sorted(_acts()) == sorted(f"did task {n}" for n in range(60))


def test_two_workers_never_hold_the_same_row(quiet: Portal) -> None:
    quiet.extensions["jobs"]["task"] = Handler("task", _did)
    with db.transaction():
        for _turn in range(40):
            jobs.queue("task")
    start, taken = Barrier(4), []

    def claim() -> None:
        with quiet.app_context():
            start.wait()
            taken.extend(jobs.claim(Job, JobState.WAITING))

    _all_at_once([claim] * 4)
    rows = [row for row, _fence in taken]
    assert len(rows) == len(set(rows))
    assert {fence for _row, fence in taken} == {1}


# --- calls to other systems


def test_an_errand_calls_outside_any_transaction_and_settles_inside_one(task: Callable[..., None], ada: Person) -> None:
    calls: list[str] = []

    def call(job: Job) -> Settle:
        with pytest.raises(RuntimeError):
            db.session()
        calls.append(job.payload["what"])
        return lambda taken: audit.record("did settle", taken.person_id)

    task(call, is_errand=True, person_id=ada.id, payload={"what": "detach"})
    assert jobs.run_due() == 1
    assert jobs.run_due() == 0
    assert calls == ["detach"]
    assert _acts() == ["did settle"]
    assert _job().state == JobState.DONE


def test_an_errand_whose_call_fails_is_tried_again(task: Callable[..., None], later: Callable[..., None]) -> None:
    answers: list[Any] = [_did, Breaks()]

    def call(_job: Job) -> Settle:
        answer = answers.pop()
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]

    task(call, is_errand=True)
    jobs.run_due()
    assert _job().attempts == 1
    later(minutes=2)
    assert _acts() == ["did"]


def test_a_long_call_keeps_its_lease(task: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "RENEWED_EVERY", timedelta(milliseconds=20))
    seen: list[bool] = []

    def call(job: Job) -> Settle:
        with db.transaction() as session:
            session.get_one(Job, job.id).leased_until = clock.now() - timedelta(seconds=1)
        for _look in range(200):
            with db.reading() as session:
                until = session.get_one(Job, job.id).leased_until
            if until and until > clock.now():
                seen.append(True)
                break
        return _did

    task(call, is_errand=True)
    jobs.run_due()
    assert seen == [True]
    assert _acts() == ["did"]


def test_an_errand_under_a_key_of_its_own_still_works_after_the_person_is_erased(task: Callable[..., None], ada: Person) -> None:
    with db.transaction():
        stranger = keyring.mint(keyring.TRANSIENT)
    seen: list[Any] = []

    def call(job: Job) -> Settle:
        seen.append(job.payload)
        return _did

    task(call, is_errand=True, person_id=stranger, payload={"customer": "cus_1"}, key_kind=keyring.TRANSIENT)
    with db.transaction():
        keyring.destroy(ada.id, keyring.PROFILE)
    jobs.run_due()
    assert seen == [{"customer": "cus_1"}]


# --- clocks


@pytest.mark.parametrize("skew", [timedelta(minutes=-5), timedelta(minutes=5)], ids=["slow", "fast"])
def test_a_worker_whose_clock_is_five_minutes_off_does_nothing_twice(task: Callable[..., None], skew: timedelta) -> None:
    task(_did)
    [(job_id, fence)] = jobs.claim(Job, JobState.WAITING)
    with time_machine.travel(clock.now() + skew):
        for other, other_fence in jobs.claim(Job, JobState.WAITING):
            jobs._run(other, other_fence)
    jobs._run(job_id, fence)
    with time_machine.travel(clock.now() + skew):
        jobs.run_due()
    assert _acts() == ["did"]


def test_a_clock_that_leaps_back_an_hour_loses_no_work(task: Callable[..., None]) -> None:
    task(_did)
    jobs.claim(Job, JobState.WAITING)
    with time_machine.travel(clock.now() - timedelta(hours=1)):
        jobs.run_due()
        assert _acts() == []
    with time_machine.travel(clock.now() + timedelta(minutes=2)):
        jobs.run_due()
    assert _acts() == ["did"]
