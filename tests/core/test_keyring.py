"""The key ring, the keys in the store, and the digests people are found by."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from threading import Thread
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text

from portal.app import Portal, create_app
from portal.contacts import contact
from portal.core import boxes, clock, db, digests, keyring
from portal.core.boxes import BoxRefused
from portal.core.key_file import KeyRing, KeyRingRefused
from portal.core.keyring import Dek, Kek, KekState, KeyGone
from portal.customers import customer
from portal.settings import Settings
from tests.people import Person

OWNER, OTHER, ROW = UUID(int=1), UUID(int=2), UUID(int=3)
DEK = bytes(range(32))
NAMES = st.dictionaries(st.text(max_size=20), st.text(max_size=50) | st.integers(-(2**53), 2**53) | st.booleans() | st.none(), max_size=5)


@given(NAMES)
def test_what_is_sealed_opens_as_it_was(fields: dict[str, object]) -> None:
    assert boxes.unseal(DEK, "address", ROW, OWNER, boxes.seal(DEK, "address", ROW, OWNER, fields)) == fields


def test_the_same_words_never_look_the_same_twice() -> None:
    assert boxes.seal(DEK, "address", ROW, OWNER, {"name": "Ada"}) != boxes.seal(DEK, "address", ROW, OWNER, {"name": "Ada"})


MOVED = {
    "to another table": (DEK, "customer", ROW, OWNER),
    "to another row": (DEK, "address", OTHER, OWNER),
    "to another person": (DEK, "address", ROW, OTHER),
    "under another key": (bytes(32), "address", ROW, OWNER),
}


@pytest.mark.parametrize("place", MOVED.values(), ids=MOVED)
def test_a_box_that_was_moved_does_not_open(place: tuple[bytes, str, UUID, UUID]) -> None:
    box = boxes.seal(DEK, "address", ROW, OWNER, {"name": "Ada"})
    with pytest.raises(BoxRefused, match=r"^a sealed document does not open$"):
        boxes.unseal(*place, box)


def test_a_box_that_was_cut_or_changed_by_one_bit_does_not_open() -> None:
    box = boxes.seal(DEK, "address", ROW, OWNER, {"name": "Ada"})
    cut = [box[:length] for length in range(len(box))]
    flipped = [_flipped(box, bit) for bit in range(len(box) * 8)]
    for broken in (*cut, *flipped, box + b"\0"):
        with pytest.raises(BoxRefused, match=r"^a sealed document does not open$"):
            boxes.unseal(DEK, "address", ROW, OWNER, broken)


def test_a_data_key_opens_only_for_its_owner_kind_and_version() -> None:
    ring = KeyRing({1: bytes(32), 2: bytes(32)}, [bytes(32)], bytes(32))
    wrapped = ring.wrap(DEK, "profile", OWNER, 1)
    assert ring.unwrap(wrapped, "profile", OWNER, 1) == DEK
    moved = [("profile", OTHER, 1), ("transient", OWNER, 1), ("profile", OWNER, 2), ("profile", OWNER, 3)]
    for place in moved:
        with pytest.raises(BoxRefused):
            ring.unwrap(wrapped, *place)
    for bit in range(len(wrapped) * 8):
        with pytest.raises(BoxRefused):
            ring.unwrap(_flipped(wrapped, bit), "profile", OWNER, 1)


def _flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


# --- the file


@pytest.fixture
def ring_file(house: Portal, settings: Settings) -> Path:
    """The key ring of an installed shop, its portal stopped."""
    house.extensions["engine"].dispose()
    return settings.keyring


def _start(settings: Settings) -> None:
    create_app(settings).extensions["engine"].dispose()


def _refused(settings: Settings) -> str:
    """The sentence with which the start was refused; nothing was written meanwhile."""
    before = _state(settings.data_dir)
    with pytest.raises(KeyRingRefused) as refused:
        _start(settings)
    assert _state(settings.data_dir) == before
    return str(refused.value)


def _state(folder: Path) -> dict[str, tuple[int, bytes]]:
    files = (file for file in folder.rglob("*") if file.is_file() and not file.name.endswith(("-shm", "-wal")))
    return {str(file): (file.stat().st_mode, file.read_bytes()) for file in files}


def test_a_shop_starts_again_with_its_ring(ring_file: Path, settings: Settings) -> None:
    before = ring_file.read_bytes()
    _start(settings)
    assert ring_file.read_bytes() == before
    assert ring_file.stat().st_mode & 0o777 == 0o600


def test_without_its_ring_the_portal_does_not_start_and_makes_no_other(ring_file: Path, settings: Settings) -> None:
    ring_file.unlink()
    assert _refused(settings) == f"The key ring {ring_file} is missing or cannot be read."


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610])
def test_a_ring_that_others_can_open_is_refused(ring_file: Path, settings: Settings, mode: int) -> None:
    ring_file.chmod(mode)
    assert "belong to this user alone" in _refused(settings)


def test_a_ring_of_somebody_else_is_refused(ring_file: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    me = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    assert "belong to this user alone" in _refused(settings)


def test_a_ring_that_was_cut_anywhere_is_refused(ring_file: Path, settings: Settings) -> None:
    whole = ring_file.read_bytes()
    for length in range(len(whole) - 1):
        ring_file.write_bytes(whole[:length])
        with pytest.raises(KeyRingRefused, match="cut or altered"):
            KeyRing.read([ring_file])
    assert _refused(settings) == f"The key ring {ring_file} is cut or altered."


def test_a_ring_with_one_wrong_bit_is_refused(ring_file: Path, settings: Settings) -> None:
    whole = ring_file.read_bytes()
    for byte in range(len(whole) - 1):
        ring_file.write_bytes(_flipped(whole, byte * 8 + byte % 8))
        with pytest.raises(KeyRingRefused, match="cut or altered"):
            KeyRing.read([ring_file])
    assert _refused(settings) == f"The key ring {ring_file} is cut or altered."


def test_the_ring_of_another_shop_is_refused_by_the_version_it_lacks(ring_file: Path, ada: Person, settings: Settings) -> None:
    other = KeyRing({7: os.urandom(32)}, [os.urandom(32)], os.urandom(32), [ring_file])
    other.write()
    assert "lacks the key of version 1 that the store was sealed with" in _refused(settings)


def test_a_new_store_takes_no_new_ring_while_a_copy_of_the_old_one_is_there(
    store_url: str, settings: Settings, tmp_path: Path, place: Path
) -> None:
    copy = tmp_path / "copy"
    KeyRing.fresh([copy]).write()
    with_copy = settings.model_copy(update={"keyring_copies": (str(copy),)})
    with pytest.raises(KeyRingRefused, match=r"its copy .* is there: put it back first"):
        create_app(with_copy)
    assert not settings.keyring.exists()
    shutil.copy(copy, settings.keyring)
    _start(with_copy)


def test_the_ring_stands_in_every_place_the_same(store_url: str, settings: Settings, tmp_path: Path) -> None:
    copies = (str(tmp_path / "one"), str(tmp_path / "two"))
    _start(settings.model_copy(update={"keyring_copies": copies}))
    whole = settings.keyring.read_bytes()
    for place in copies:
        assert Path(place).read_bytes() == whole
        assert Path(place).stat().st_mode & 0o777 == 0o600


def test_a_folder_that_is_not_there_is_told_in_a_sentence(store_url: str, settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(KeyRingRefused, match=r"The folder of the key ring .* is not there"):
        create_app(settings.model_copy(update={"keyring": tmp_path / "nowhere" / "ring"}))


def test_two_first_starts_at_once_end_up_with_one_ring(store_url: str, settings: Settings) -> None:
    rings: list[KeyRing] = []

    def start() -> None:
        app = create_app(settings)
        rings.append(app.extensions["keyring"])
        app.extensions["engine"].dispose()

    threads = [Thread(target=start) for _process in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(rings) == 4
    assert {ring.keks[1] for ring in rings} == {KeyRing.read([settings.keyring]).keks[1]}


def test_a_key_that_was_replaced_does_not_stay_in_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "ring"
    ring = KeyRing.fresh([file])
    ring.write()
    old_file = tmp_path / "the same blocks"
    old_file.hardlink_to(file)
    ring.keks = {2: os.urandom(32)}
    ring.write()
    assert set(old_file.read_bytes()) == {0}
    assert KeyRing.read([file]).keks == ring.keks


# --- keys in the store


def test_a_key_stands_in_the_store_only_wrapped(house: Portal, ada: Person) -> None:
    with db.reading() as session:
        dek = keyring.dek_of(ada.id, keyring.PROFILE)
        row = session.scalars(select(Dek).where(Dek.owner == ada.id)).one()
        assert dek is not None
        assert dek not in row.wrapped
        assert keyring.ring().unwrap(row.wrapped, row.kind, row.owner, row.kek) == dek


@pytest.mark.parametrize("kind", ["None", "", "Profile", "retained", "retained-20360", "profile "])
def test_a_key_that_nothing_would_ever_end_is_not_made(house: Portal, ada: Person, kind: str) -> None:
    with db.transaction(), pytest.raises(ValueError, match="there is no kind of key"):
        keyring.dek_to_write(ada.id, kind)


def test_a_destroyed_key_is_gone_at_once_and_nothing_more_can_be_sealed(house: Portal, ada: Person) -> None:
    with db.transaction():
        assert keyring.dek_of(ada.id, keyring.PROFILE) is not None
        keyring.destroy(ada.id, keyring.PROFILE)
        assert keyring.dek_of(ada.id, keyring.PROFILE) is None
        with pytest.raises(KeyGone):
            keyring.dek_to_write(ada.id, keyring.PROFILE)
        with pytest.raises(KeyGone):
            keyring.dek_to_write(ada.id, "retained-2036")


def test_a_worker_who_read_ada_before_her_erasure_cannot_write_about_her_after_it(house: Portal, ada: Person) -> None:
    with db.reading():
        read_before = customer.get(ada.id)
        assert read_before is not None
        assert read_before.name == "Ada Lovell"
    with db.transaction():
        keyring.destroy(ada.id, keyring.PROFILE)
    with pytest.raises(KeyGone), db.transaction() as session:  # noqa: PT012 - the late write is the point
        session.add(read_before)
        read_before.name = "Ada, back again"
    with pytest.raises(KeyGone), db.transaction():
        contact.add(ada.id, "ada@again.example")


def test_a_writer_and_an_erasure_at_once_leave_no_readable_word(house: Portal, ada: Person, store: str) -> None:
    if store == "sqlite":
        pytest.skip("on SQLite one writes after the other")
    with db.transaction() as writer:
        found = customer.get(ada.id)
        assert found is not None
        assert found.name == "Ada Lovell"
        with db.transaction():
            keyring.destroy(ada.id, keyring.PROFILE)
        found.name = "Ada, too late"
        with pytest.raises(KeyGone):
            writer.flush()
        writer.rollback()


def test_somebody_met_while_a_key_is_retired_gets_the_new_one(house: Portal, store: str) -> None:
    if store == "sqlite":
        pytest.skip("on SQLite one writes after the other")
    ring = keyring.ring()
    ring.keks[2] = os.urandom(32)
    ring.write()
    made: list[UUID] = []

    def meet() -> None:
        with house.app_context(), db.transaction():
            made.append(keyring.mint())

    with db.transaction() as rotating:
        rotating.execute(text("UPDATE kek SET state = 'retiring'"))
        rotating.add(Kek(kek_version=2, state=KekState.CURRENT, made_at=clock.now()))
        rotating.flush()
        newcomer = Thread(target=meet)
        newcomer.start()
        newcomer.join(0.5)
        assert newcomer.is_alive()
    newcomer.join(5)
    with db.reading() as session:
        assert session.scalars(select(Dek.kek).where(Dek.owner == made[0])).one() == 2


# --- digests


def test_an_address_is_found_in_every_spelling_of_it(house: Portal) -> None:
    with db.transaction():
        added = contact.add(keyring.mint(), "Ada.Lovell+news@BÜCHER.example ")
    spellings = ["ada.lovell+news@bücher.example", " ADA.LOVELL+NEWS@xn--bcher-kva.example", "ada.lovell+news@bu\u0308cher.EXAMPLE"]
    with db.reading():
        assert [contact.find(spelling).id for spelling in spellings] == [added.id] * 3  # type: ignore[union-attr]
        for other in ("adalovell+news@bücher.example", "ada.lovell@bücher.example", "ada.lovell+news@bucher.example"):
            assert contact.find(other) is None


@given(st.text(max_size=300))
def test_whatever_is_typed_as_an_address_has_a_form_to_look_up(typed: str) -> None:
    once = digests.normal_email(typed)
    assert digests.normal_email(f"  {typed} ".upper().lower()) == digests.normal_email(typed.upper().lower())
    assert "@" in once


def test_a_digest_depends_on_its_kind_and_on_the_key(house: Portal) -> None:
    assert digests.digest("email", "x") != digests.digest("phone", "x")
    before = digests.digest("email", "x")
    assert len(before) == 32
    keyring.ring().digest_keys = [os.urandom(32)]
    assert digests.digest("email", "x") != before
