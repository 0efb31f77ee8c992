"""The hub's rules, pure: what to keep, when to commit, what was covered, what to do about trouble."""
