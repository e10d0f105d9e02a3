# SPDX-License-Identifier: MIT
"""Calls that rank 0 makes on all ranks: it decides, and the others do what it says."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from gru_ext.distributed.communicator import Communicator

_NOTHING = np.empty(0, np.uint8)


class Calls:
    """Methods of an object that each rank has, called on all of them by rank 0.

    Parameters
    ----------
    communicator : Communicator

    Attributes
    ----------
    broken : bool
        Whether a call has failed here, so that the other ranks may wait in the middle of it.
    """

    def __init__(self, communicator: Communicator) -> None:
        self.communicator, self.broken = communicator, False

    def announce(self, name: str, *arguments: Any) -> None:
        """Tell the other ranks what to do next; only rank 0 does that.

        Raises
        ------
        RuntimeError
            An earlier call has failed.
        """
        if self.broken:
            raise RuntimeError("the other processes wait in a step that has failed in this one")
        if self.communicator.size > 1:
            message = pickle.dumps((name, arguments), pickle.HIGHEST_PROTOCOL)
            with self.together():
                self.communicator.broadcast(np.frombuffer(message, np.uint8))

    def call(self, target: object, name: str, *arguments: Any) -> Any:
        """Call a method of the target here, and of theirs on the other ranks."""
        self.announce(name, *arguments)
        with self.together():
            return getattr(target, name)(*arguments)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Do what all ranks do: where it fails here, they wait."""
        self.broken = self.communicator.size > 1
        yield
        self.broken = False


def next_call(communicator: Communicator) -> tuple[str, tuple[Any, ...]]:
    """Wait for what rank 0 announces: the name of a method, and its arguments."""
    name, arguments = pickle.loads(communicator.broadcast(_NOTHING).tobytes())
    return name, arguments
