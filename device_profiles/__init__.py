"""Bytes on the air become readings, by profiles that are data; start at ``catalogue.py``."""
