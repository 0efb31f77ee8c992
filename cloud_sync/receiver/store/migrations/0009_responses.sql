-- What people said of incidents, and how far each home was asked about.

ALTER TABLE home_incident ADD COLUMN hand_ms INTEGER;                    -- since when somebody has it in hand
ALTER TABLE home_incident ADD COLUMN closed_by TEXT NOT NULL DEFAULT ''; -- empty: it ended by itself

CREATE TABLE response (
    number      INTEGER PRIMARY KEY,  -- of its audit row
    home        TEXT NOT NULL,
    subject     TEXT NOT NULL,
    raised_ms   INTEGER NOT NULL,     -- of the incident
    act         TEXT NOT NULL CHECK (act IN ('take', 'close')),
    who         TEXT NOT NULL,
    said        TEXT NOT NULL,
    happened_ms INTEGER NOT NULL,     -- when they did it
    known_ms    INTEGER NOT NULL,     -- when we were told
    heard       INTEGER NOT NULL,     -- the newest event that the home had been asked about then
    taken_up_ms INTEGER               -- by the watch; NULL: not yet
) STRICT;

CREATE INDEX response_waiting ON response (number) WHERE taken_up_ms IS NULL;
CREATE INDEX response_by_home ON response (home, subject, raised_ms);

CREATE TABLE asked (                  -- the watch's heartbeat, home by home
    home  TEXT PRIMARY KEY,
    at_ms INTEGER NOT NULL,           -- when its questions were last asked
    heard INTEGER NOT NULL            -- the newest event taken in for that
) STRICT;
