"""Another project's agent under test with this rig: ``agent.py`` is theirs, ``prove.py`` is all that they add."""
