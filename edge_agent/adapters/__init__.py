"""The hub's edges: radio, disk, authority, clock. They do I/O and decide nothing."""
