"""Tier T0: one scenario in virtual time, in one process. Read ``run.py`` first."""

from hil_tests.inprocess.faults import playable
from hil_tests.inprocess.run import VirtualResult, run_file, run_virtual

__all__ = ["VirtualResult", "playable", "run_file", "run_virtual"]
