-- Whom an incident is told, and whether they were reached: an outbox, written in the transaction of the incident.

CREATE TABLE notice (
    number      INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,     -- what is told once has one id, however often it is written down
    home        TEXT NOT NULL,            -- empty: of the site itself
    subject     TEXT NOT NULL,
    raised_ms   INTEGER NOT NULL,         -- of the incident
    about       TEXT NOT NULL,
    severity    INTEGER NOT NULL,
    audience    INTEGER NOT NULL,         -- 1 operations, 2 family
    occasion    TEXT NOT NULL,
    words       TEXT NOT NULL,
    happened_ms INTEGER NOT NULL,
    known_ms    INTEGER NOT NULL,
    not_by      TEXT NOT NULL DEFAULT '', -- a channel that cannot carry it: it tells of that channel's failure
    handed_ms   INTEGER                   -- when it was given to its channels; NULL: not yet
) STRICT;

CREATE INDEX notice_waiting ON notice (number) WHERE handed_ms IS NULL;
CREATE INDEX notice_by_incident ON notice (home, subject, raised_ms);

CREATE TABLE delivery (
    notice  INTEGER NOT NULL REFERENCES notice (number) ON DELETE CASCADE,
    channel TEXT NOT NULL,
    state   TEXT NOT NULL CHECK (state IN ('due', 'delivered', 'withheld')),
    tries   INTEGER NOT NULL DEFAULT 0,
    next_ms INTEGER NOT NULL,             -- not tried again before
    done_ms INTEGER,                      -- when it was delivered, or withheld
    trouble TEXT NOT NULL DEFAULT '',     -- of the last try, or the code of the refusal
    late_ms INTEGER,                      -- since when it has been an alarm
    PRIMARY KEY (notice, channel)
) STRICT;

CREATE INDEX delivery_due ON delivery (next_ms) WHERE state = 'due';
