"""A privacy portal for shops: people see, correct, take and delete what a shop holds about them."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
