-- What was learned afterwards of times in which we were blind; and what the model learned of each home, so that it need not learn anew.

CREATE TABLE explanation (            -- only added to: a later row of the same blindness holds all that was known by then
    home        TEXT NOT NULL,
    from_ms     INTEGER NOT NULL,     -- of the blindness
    until_ms    INTEGER NOT NULL,
    known_ms    INTEGER NOT NULL,     -- when we learned it
    listened_ms INTEGER NOT NULL,     -- for how much of it the hub says that it listened
    evidence    TEXT NOT NULL,
    PRIMARY KEY (home, from_ms, known_ms)
) STRICT;

CREATE INDEX stretch_blind ON stretch (home, until_ms) WHERE state = 'blind';

CREATE INDEX event_since ON event (home, id);

CREATE TABLE habit (                  -- derived from events, and discarded where it does not fit: cloud_sync/assurance/snapshot.py
    home     TEXT PRIMARY KEY,
    taken_ms INTEGER NOT NULL,
    event    INTEGER NOT NULL,        -- the number of the newest event that is in it
    plan     TEXT NOT NULL,           -- hash of what is asked of the home, and of which sensors
    form     TEXT NOT NULL,           -- hash of what a snapshot holds
    state    TEXT NOT NULL,           -- JSON
    digest   TEXT NOT NULL            -- hash over all of it
) STRICT;
