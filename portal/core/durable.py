"""Files that outlive a power cut: whole or not at all, and on the disk before anybody relies on them."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write(place: Path, content: bytes) -> None:
    """Put a whole file in place, or leave the old one: never half of it, also through a power cut. Mode 0600."""
    draft = place.with_name(f".{place.name}.{os.getpid()}.{threading.get_ident()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(place)
    sync_folder(place.parent)


def append(file: Path, content: bytes) -> None:
    """Append and wait until the disk has it. A new file is private (mode 0600). What a crash cut off before stays a line of its own."""
    is_new = not file.exists()
    file.touch(mode=0o600, exist_ok=True)
    with file.open("a+b") as out:
        if out.seek(0, os.SEEK_END) and out.seek(-1, os.SEEK_END) >= 0 and out.read(1) != b"\n":
            out.write(b"\n")
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    if is_new:
        sync_folder(file.parent)


@contextmanager
def overwritten_after(place: Path) -> Iterator[None]:
    """Blank the file that a new one replaces, so that a destroyed key is not left lying in free space."""
    try:
        descriptor = os.open(place, os.O_WRONLY)
    except FileNotFoundError:
        yield
        return
    try:
        yield
        os.pwrite(descriptor, bytes(os.fstat(descriptor).st_size), 0)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def alone(place: Path) -> Iterator[None]:
    """One process at a time makes or changes the keys of this host."""
    with place.with_name(f"{place.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
