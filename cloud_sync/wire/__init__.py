"""The bytes that cross between hub and cloud; ``batch.py`` is to be read first, SPEC.md defines it. Pure: no I/O, no clock."""
