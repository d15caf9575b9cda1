# SPDX-License-Identifier: Apache-2.0
"""Errors of two kinds: Python's own kind, and the one that programs of the family expect."""
from __future__ import annotations


class OutOfRange(IndexError, ValueError):
    """There is no such element."""


class Full(ValueError, OverflowError):
    """There is no room for another element."""
