-- Who agreed to what, what is paused, and what each hub goes by.

CREATE TABLE consent (                -- never changed but to end it: a later one stands beside it
    number     INTEGER PRIMARY KEY,
    home       TEXT NOT NULL,
    questions  TEXT NOT NULL,         -- words, with a blank between
    authority  TEXT NOT NULL,         -- in which capacity: cloud_sync/assurance/consent.py
    person     TEXT NOT NULL,
    evidence   TEXT NOT NULL,         -- where the paper is, or what was said and who heard it
    from_ms    INTEGER NOT NULL,
    until_ms   INTEGER NOT NULL,
    written_by TEXT NOT NULL,
    written_ms INTEGER NOT NULL,
    ended_ms   INTEGER,               -- withdrawn; NULL: it ends by itself
    ended_by   TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE TABLE pause (
    number     INTEGER PRIMARY KEY,
    home       TEXT NOT NULL,
    event      TEXT NOT NULL,         -- of a life event, its template; else empty
    questions  TEXT NOT NULL,         -- words, with a blank between; empty: an event that only changes parameters
    stays      TEXT NOT NULL,         -- roles, for a pause that only a hub knew of; else empty
    asked_by   TEXT NOT NULL,         -- in which capacity, or "hub"
    from_ms    INTEGER NOT NULL,
    until_ms   INTEGER NOT NULL,
    written_by TEXT NOT NULL,
    written_ms INTEGER NOT NULL,
    ended_ms   INTEGER                -- ended before its time; NULL: it was not
) STRICT;

CREATE INDEX consent_by_home ON consent (home);
CREATE INDEX pause_by_home ON pause (home);

CREATE TABLE setting (                -- what a hub shall leave out, and what it says that it does
    hub          TEXT PRIMARY KEY,
    number       INTEGER NOT NULL DEFAULT 0,    -- of what we want; 0: nothing was ever wanted
    wanted       BLOB NOT NULL DEFAULT x'90',   -- pauses, packed: cloud_sync/wire/setting.py
    session      BLOB NOT NULL DEFAULT x'',     -- in which it last gave account
    counter      INTEGER NOT NULL DEFAULT 0,    -- of that account
    taken        INTEGER NOT NULL DEFAULT 0,    -- number of the setting it goes by
    pauses       BLOB NOT NULL DEFAULT x'90',   -- of that setting
    own          BLOB NOT NULL DEFAULT x'90',   -- pauses asked for at the hub
    refused      TEXT NOT NULL DEFAULT '',      -- code of what kept it from a later one
    since_ms     INTEGER,                       -- since when it has gone by just this; NULL: it never gave account
    account      BLOB NOT NULL DEFAULT x''      -- its last word, signed
) STRICT;
