"""A disk that forgets what was never synced, under code of this very process: cut at any step of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hil_tests.rig.durability import Durability


class PowerCutError(BaseException):
    """The power fails: nothing catches it."""


@dataclass
class FakeDisk:
    """Counts the steps that change anything under ``live``, and fails before the ``cut_at``-th.

    A step is an open for writing, an fsync, a rename, a removal, a new directory, or an exchange with the site.
    """

    live: Path
    graves: Path
    cut_at: int
    steps: int = 0

    def __post_init__(self) -> None:
        self.live.mkdir(parents=True)
        self.graves.mkdir(parents=True)
        self._durable = Durability(self.live, self.graves)
        self._inside = False

    @property
    def reached(self) -> bool:
        """Whether there was a step to fail at."""
        return self.steps > self.cut_at

    def cut(self) -> None:
        """Power is gone and comes back: what was not synced never was."""
        self._durable.cut()

    def under(self, patch: pytest.MonkeyPatch) -> None:
        """Be the disk of this process from now on."""
        real_open, real_sync = os.open, os.fsync
        rename, unlink, mkdir = Path.rename, Path.unlink, Path.mkdir

        def opened(path: Any, flags: int, *more: Any, **named: Any) -> int:
            if self._inside or not flags & os.O_CREAT or not self._mine(path):
                return real_open(path, flags, *more, **named)
            self.step()
            self._note(lambda: self._durable.renaming(Path(path)))
            descriptor = real_open(path, flags, *more, **named)
            self._note(lambda: self._durable.truncating(descriptor, 0))
            return descriptor

        def synced(descriptor: int) -> None:
            path = Path(f"/proc/self/fd/{descriptor}").readlink()
            if path.is_dir() and (path == self.live or self._mine(path)):
                self.step()
                self._note(lambda: self._durable.directory_synced(path))
            elif self._mine(path):
                self.step()
                self._note(lambda: self._durable.synced(descriptor))
            real_sync(descriptor)

        def changed(act: Callable[..., Any]) -> Callable[..., Any]:
            def change(path: Path, *more: Any, **named: Any) -> Any:
                if self._inside or not self._mine(path):
                    return act(path, *more, **named)
                self.step()
                for name in (path, *(one for one in more if isinstance(one, Path))):
                    self._note(lambda name=name: self._durable.renaming(name))  # type: ignore[misc]  # bound now
                return act(path, *more, **named)

            return change

        patch.setattr(os, "open", opened)
        patch.setattr(os, "fsync", synced)
        patch.setattr(Path, "rename", changed(rename))
        patch.setattr(Path, "unlink", changed(unlink))
        patch.setattr(Path, "mkdir", changed(mkdir))

    def stepping(self, act: Callable[..., Any]) -> Callable[..., Any]:
        """``act``, as a step."""

        def step(*arguments: Any, **named: Any) -> Any:
            self.step()
            return act(*arguments, **named)

        return step

    def step(self) -> None:
        """Count one; from the ``cut_at``-th on there is no power."""
        self.steps += 1
        if self.reached:
            raise PowerCutError

    def _mine(self, path: Any) -> bool:
        return self.live in Path(path).parents

    def _note(self, note: Callable[[], None]) -> None:
        self._inside = True
        try:
            note()
        finally:
            self._inside = False
