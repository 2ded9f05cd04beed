"""Faults in the log: what kind and where in the code, never the values, for those may be somebody's data."""

from __future__ import annotations

import traceback
from pathlib import Path


def whereabouts(error: BaseException) -> list[str]:
    """`file:line function` of every step on the way to the fault, outermost first, causes behind the fault they led to.

    Messages are left out: a message of the store or of a parser repeats what a person typed.
    """
    steps = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    cause = error.__cause__ or error.__context__
    return steps if cause is None else [*steps, f"because of {type(cause).__name__}", *whereabouts(cause)]
