"""Both halves of the sync protocol as state machines: no I/O, no clock, no global randomness."""
