"""The bench: a virtual radio, simulated sensors, and what else a hub needs around it."""
