"""How readings move from a home to the cloud, and what is made of them.

Read first: ``uplink.py`` (the hub's side), ``receiver/service.py`` (the cloud's side).
"""
