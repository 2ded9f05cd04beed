"""Judging the audit trail: is the past as it was when its heads were signed, and if not, where and how was it changed?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from portal.core import db
from portal.core.chain import BATCH, GENESIS, Link, chained, leaf, links, read_heads, sources


class Broken(StrEnum):
    """How a trail can be broken."""

    EDITED = "edited"
    MISSING = "missing"
    REORDERED = "reordered"
    TRUNCATED = "truncated"
    REWRITTEN = "rewritten"


@dataclass(frozen=True)
class Verdict:
    """What verifying found. `broken` is None for an intact trail; `position` is the first bad place; `unchained` was not judged."""

    broken: Broken | None
    position: int
    size: int
    unchained: int
    heads: int


def verify(file: Path) -> Verdict:
    """Recompute the chain and hold it against the signed heads. Raises InvalidSignature when the heads themselves were altered."""
    heads = {head.size: head.chain for head in read_heads(file)}
    size, head = 0, GENESIS
    for link, row in links():
        size += 1
        broken = _problem(link, row, size, head, heads)
        if broken:
            return Verdict(broken, size, size, 0, len(heads))
        head = link.chain
    if heads and max(heads) > size:
        return Verdict(Broken.TRUNCATED, size + 1, size, 0, len(heads))
    total = sum(db.session().scalar(select(func.count()).select_from(model)) or 0 for model in sources().values())
    return Verdict(None, 0, size, total - size, len(heads))


def _problem(link: Link, row: Any, position: int, head: bytes, heads: Mapping[int, bytes]) -> Broken | None:
    if link.position != position or row is None:
        return Broken.MISSING
    if chained(head, leaf(row, type(row).__chained__)) == link.chain:
        return Broken.REWRITTEN if heads.get(position, link.chain) != link.chain else None
    if _is_out_of_place(head, link):
        return Broken.REORDERED
    return Broken.MISSING if _has_moved_up(position, heads) else Broken.EDITED


def _is_out_of_place(head: bytes, bad: Link) -> bool:
    """Does what belongs at this position stand at another one?"""
    for link, row in links():
        if row is not None and link.position != bad.position:
            fitting = chained(head, leaf(row, type(row).__chained__))
            if fitting in {bad.chain, link.chain}:
                return True
    return False


def _has_moved_up(position: int, heads: Mapping[int, bytes]) -> bool:
    """Does a signed head stand at an earlier place than it was signed for, because something before it is gone?"""
    later = {chain: size for size, chain in heads.items() if size >= position}
    found = db.session().execute(select(Link.position, Link.chain).where(Link.chain.in_(list(later)[:BATCH]))).all()
    return any(link.position < later[link.chain] for link in found)
