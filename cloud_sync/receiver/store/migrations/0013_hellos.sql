-- Which hellos have opened a session: one that is said again opens none, or old heartbeats could be played to it.

CREATE TABLE hello (
    hub   TEXT NOT NULL,
    nonce BLOB NOT NULL,
    at_ms INTEGER NOT NULL,           -- wall clock of its arrival
    PRIMARY KEY (hub, nonce)
) STRICT;
