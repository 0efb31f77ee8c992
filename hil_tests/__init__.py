"""The rig: proves the hub and the cloud from outside. Read ``demo.py`` first."""
