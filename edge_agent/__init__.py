"""The hub: hear sensors, keep readings, hand them over. Read ``agent.py`` first."""
