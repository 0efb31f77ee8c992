-- What questions are asked of, and what the watch found: events, the coverage ledger, answers, incidents.

CREATE TABLE event (                  -- readings that questions ask about; derived from batches, kept while habits are learned
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    home        TEXT NOT NULL,
    address     TEXT NOT NULL,
    kind        TEXT NOT NULL,
    value       REAL NOT NULL,        -- °C, 1 or 0; what a button said counts as 1
    happened_ms INTEGER NOT NULL,     -- wall clock, as placed
    received_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX event_by_home ON event (home, happened_ms);

CREATE TABLE stretch (                -- the coverage ledger: how well each question was watched, when it was so and when we knew
    home     TEXT NOT NULL,
    question TEXT NOT NULL,
    known_ms INTEGER NOT NULL,
    from_ms  INTEGER NOT NULL,
    until_ms INTEGER,                 -- NULL: it lasts
    state    TEXT NOT NULL,
    cause    TEXT NOT NULL,
    PRIMARY KEY (home, question, from_ms, known_ms)
) STRICT;

CREATE TABLE answer (                 -- what each question found at the last look
    home      TEXT NOT NULL,
    question  TEXT NOT NULL,
    answer    TEXT NOT NULL,
    evidence  TEXT NOT NULL,
    asked_ms  INTEGER NOT NULL,
    PRIMARY KEY (home, question)
) STRICT;

CREATE TABLE home_incident (          -- about a person, or about our own blindness
    home        TEXT NOT NULL,
    subject     TEXT NOT NULL,        -- the question, or "blind"
    raised_ms   INTEGER NOT NULL,
    about       TEXT NOT NULL,
    happened_ms INTEGER NOT NULL,
    updated_ms  INTEGER NOT NULL,
    evidence    TEXT NOT NULL,
    severity    INTEGER NOT NULL,
    audience    INTEGER NOT NULL,
    in_hand     TEXT NOT NULL,
    closed_ms   INTEGER,
    outcome     TEXT NOT NULL,
    PRIMARY KEY (home, subject, raised_ms)
) STRICT;
