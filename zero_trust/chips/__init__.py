"""Keys that never leave a chip: the drivers behind ``hub_keys.py``, each imported only where it is chosen."""
