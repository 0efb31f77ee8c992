-- What was issued, decided, received and looked at: a chain of rows that only grows. And what decisions go by.

CREATE TABLE audit (
    number INTEGER PRIMARY KEY,           -- 1, 2, 3 ... without a gap
    at_ms  INTEGER NOT NULL,
    kind   TEXT NOT NULL,
    facts  TEXT NOT NULL,                 -- JSON, in the one spelling that was hashed
    hash   BLOB NOT NULL                  -- over the row and the hash before it: zero_trust/audit.py
) STRICT;

CREATE INDEX audit_of_home ON audit (json_extract(facts, '$.home'), number) WHERE kind = 'decision';

CREATE TRIGGER audit_stays BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'rows of the audit are never deleted'); END;

CREATE TRIGGER audit_as_written BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'rows of the audit are never changed'); END;

CREATE TABLE checkpoint (                 -- signed: so many rows there were, and this was their hash
    rows        INTEGER PRIMARY KEY,
    signed      BLOB NOT NULL,
    certificate BLOB NOT NULL             -- DER, of the key that signed
) STRICT;

CREATE TABLE book (                       -- rules and grants; the last row is in force
    number  INTEGER PRIMARY KEY,
    policy  TEXT NOT NULL,
    grants  TEXT NOT NULL,
    at_ms   INTEGER NOT NULL
) STRICT;

CREATE TABLE break_glass (
    number       INTEGER PRIMARY KEY,     -- of its audit row
    who          TEXT NOT NULL,
    home         TEXT NOT NULL,
    cause        TEXT NOT NULL,
    opened_ms    INTEGER NOT NULL,
    until_ms     INTEGER NOT NULL,
    reviewed_ms  INTEGER,
    reviewer     TEXT NOT NULL DEFAULT '',
    finding      TEXT,
    escalated_ms INTEGER
) STRICT;
