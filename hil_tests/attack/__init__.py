"""Attacks on a throwaway site, by name: what was tried, what each end said, and that nothing else changed.

``attack.py`` says what an attack is; each family of them is a file in ``families``; ``target.py`` is the site
they are tried on; ``judge.py`` tries one and judges; ``rules.py`` names for each rule the attacks that
succeed without it.
"""
