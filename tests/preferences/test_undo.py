"""What a link stopped it can bring back for a day; it can never turn on anything that was off."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as tries
from hypothesis import strategies as st

from portal.app import Portal
from portal.contacts import choice
from portal.contacts.choice import Standing
from portal.contacts.topics import TOPICS, Channel
from portal.core import acting, db, digests
from portal.core.acting import Actor, Kind, Scene
from portal.preferences import unsubscribe
from tests.browsing import Browser
from tests.people import Person
from tests.preferences.conftest import Reader

UNDO = "/undo"


def stopped_choices(visitor: Browser) -> list[str]:
    """The ids in the undo form of the page."""
    return [str(field["value"]) for field in visitor.page.soup.select("form[action$='/undo'] input[name=choice]")]


def test_a_mistake_is_taken_back_from_the_same_page(reader: Reader, visitor: Browser) -> None:
    visitor.get(reader.link())
    visitor.submit("confirm")
    visitor.submit(UNDO)
    assert "Newsletter" in visitor.page.words
    assert reader.wants()
    assert reader.said() == [("newsletter", "no", "form"), ("newsletter", "yes", "undo")]


def test_taking_back_twice_changes_nothing_more(reader: Reader, visitor: Browser) -> None:
    visitor.post(reader.link(), {"confirm": "1"})
    named = stopped_choices(visitor)
    for _click in range(3):
        visitor.post(reader.link() + UNDO, {"choice": named})
    assert reader.wants()
    assert len(reader.said()) == 2


def test_the_undo_page_shows_first_and_acts_when_asked(reader: Reader, visitor: Browser, rows: Callable[[], dict[str, str]]) -> None:
    visitor.post(reader.link(), {"confirm": "1"})
    path = f"{reader.link()}{UNDO}?choice={stopped_choices(visitor)[0]}"
    before = rows()
    assert "Newsletter" in visitor.get(path).words
    assert rows() == before
    visitor.submit(UNDO)
    assert reader.wants()


def test_after_a_day_it_is_too_late(reader: Reader, visitor: Browser, later: Callable[..., None]) -> None:
    visitor.post(reader.link(), {"confirm": "1"})
    named = stopped_choices(visitor)
    later(hours=25)
    visitor.post(reader.link() + UNDO, {"choice": named}, expect=410)
    assert "sign in" in visitor.page.words
    assert not reader.wants()


def test_what_the_owner_decided_since_then_stays(reader: Reader, visitor: Browser) -> None:
    visitor.post(reader.link(), {"confirm": "1"})
    named = stopped_choices(visitor)
    reader.says("newsletter", yes=True)
    reader.says("newsletter", yes=False)
    visitor.post(reader.link() + UNDO, {"choice": named}, expect=410)
    assert not reader.wants()


def test_the_owners_own_no_cannot_be_taken_back_with_a_forwarded_mail(house: Portal, reader: Reader, visitor: Browser) -> None:
    reader.says("newsletter", yes=False)
    visitor.post(reader.link(), {"confirm": "1"})
    assert stopped_choices(visitor) == []
    with house.app_context(), db.reading():
        named = [str(said.id) for said in choice.history([reader.digest])]
    visitor.post(reader.link() + UNDO, {"choice": named}, expect=410)
    assert not reader.wants()


def test_a_link_takes_back_nothing_of_somebody_else(house: Portal, reader: Reader, bob: Person, visitor: Browser) -> None:
    other = Reader(house, bob)
    visitor.post(reader.link(), {"confirm": "1"})
    named = stopped_choices(visitor)
    visitor.post(other.link() + UNDO, {"choice": named}, expect=410)
    assert not reader.wants()


def test_junk_in_place_of_ids_is_left_aside(reader: Reader, visitor: Browser) -> None:
    visitor.post(reader.link() + UNDO, {"choice": ["", "x", "\N{SNOWMAN}", str(uuid.uuid4())]}, expect=410)
    visitor.get(f"{reader.link()}{UNDO}?choice=x&choice=%00", expect=410)


def test_stopping_everything_by_link_reaches_every_channel_and_can_be_taken_back(reader: Reader, visitor: Browser) -> None:
    reader.says("newsletter", yes=True, channel=Channel.POST)
    visitor.get(f"{reader.link()}/choices")
    visitor.submit("everything")
    assert not reader.wants("newsletter", Channel.POST)
    assert not any(reader.wants(topic.slug) for topic in TOPICS)
    visitor.post(reader.link() + UNDO, {"choice": stopped_choices(visitor)})
    assert reader.wants("newsletter", Channel.POST)
    assert all(reader.wants(topic.slug) for topic in TOPICS)


def test_several_lists_are_stopped_at_once(reader: Reader, visitor: Browser) -> None:
    visitor.get(f"{reader.link()}/choices")
    visitor.submit("Stop these lists", stop=["offers", "clinics", "no such list"])
    assert [topic.slug for topic in TOPICS if reader.wants(topic.slug)] == ["newsletter", "new-products", "partner-offers"]
    visitor.post(reader.link() + UNDO, {"choice": stopped_choices(visitor)})
    assert all(reader.wants(topic.slug) for topic in TOPICS)


def test_to_stop_some_lists_one_must_be_ticked_and_none_is_ticked_before(reader: Reader, visitor: Browser) -> None:
    assert not visitor.get(f"{reader.link()}/choices").soup.select("input[checked]")
    visitor.submit("Stop these lists", expect=422)
    assert "Choose at least one list to stop." in visitor.page.words
    assert reader.said() == []


@pytest.mark.parametrize("days", [30, 60, 90])
def test_a_pause_ends_by_itself(reader: Reader, visitor: Browser, later: Callable[..., None], days: int) -> None:
    visitor.get(f"{reader.link()}/choices")
    visitor.submit(f"Pause for {days} days")
    assert not reader.wants("offers")
    later(days=days - 1)
    assert not reader.wants("offers")
    later(days=2)
    assert reader.wants("offers")


def test_a_pause_of_any_other_length_is_no_wish(reader: Reader, visitor: Browser) -> None:
    visitor.post(f"{reader.link()}/choices", {"days": "36500"}, expect=422)
    assert reader.wants()


def test_undoing_a_stop_within_a_pause_leaves_the_pause(reader: Reader, visitor: Browser, later: Callable[..., None]) -> None:
    visitor.post(f"{reader.link()}/choices", {"days": "30"})
    visitor.post(reader.link(), {"confirm": "1"})
    visitor.submit(UNDO)
    assert not reader.wants()
    later(days=31)
    assert reader.wants()


ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("stop"), st.sampled_from([*(topic.slug for topic in TOPICS), "all"])),
        st.tuples(st.just("stop_these"), st.lists(st.sampled_from([*(topic.slug for topic in TOPICS), "all"]), max_size=3)),
        st.tuples(st.just("pause"), st.sampled_from([30, 60, 90])),
        st.tuples(st.just("undo"), st.integers(0, 9)),
    ),
    max_size=8,
)
FIRST = st.dictionaries(st.tuples(st.sampled_from([*(topic.slug for topic in TOPICS), "all"]), st.sampled_from(Channel)), st.booleans())


@given(first=FIRST, acts=ACTS)
@tries(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_holder_of_a_link_does_nothing_is_on_that_was_off(
    house: Portal, reader: Reader, first: dict[tuple[str, Channel], bool], acts: list[tuple[str, Any]]
) -> None:
    with house.app_context(), acting.acting(Scene(Actor(Kind.LINK))), db.transaction():
        own = reader.contact()
        own.digest = digests.digest("email", uuid.uuid4().hex)
        for (topic, channel), yes in first.items():
            (choice.say_yes if yes else choice.say_no)(own.digest, topic, channel, via="notifications")
        before = wanted(choice.standing(own.digest))
        named: list[uuid.UUID] = []
        for act, what in acts:
            if act == "stop":
                named += unsubscribe.stop(own, what, via=unsubscribe.FORM)
            elif act == "stop_these":
                named += unsubscribe.stop_these(own, what)
            elif act == "pause":
                named += unsubscribe.pause(own, what)[1]
            else:
                unsubscribe.take_back(own, named[what:])
        assert wanted(choice.standing(own.digest)) <= before
        db.session().rollback()


def wanted(standing: Standing) -> set[tuple[str, Channel]]:
    return {(topic.slug, channel) for topic in TOPICS for channel in topic.channels if standing.wants(topic.slug, channel)}
