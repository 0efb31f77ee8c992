"""Another project's agent under test with this rig: ``agent.py`` is theirs, ``test_agent.py`` is all that they add."""
