"""What a sensor is there for. The installer says it, the manifest carries it, and the site's questions go by it."""

from __future__ import annotations

import enum


class Role(enum.Enum):
    """What a sensor is for in this home; ``MEANINGS`` in ``edge_agent/roster.py`` tells the installer."""

    PRESENCE = "presence"
    ENTRANCE = "entrance"
    INNER_DOOR = "inner-door"
    BED = "bed"
    HELP = "help"
    CLIMATE = "climate"
    HAZARD = "hazard"
    APPLIANCE = "appliance"
    VITALS = "vitals"
    OTHER = "other"
