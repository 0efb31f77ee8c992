-- What hubs say they no longer hold, why they began anew, and what somebody must look at.

CREATE TABLE gone (
    hub      TEXT NOT NULL,
    epoch    BLOB NOT NULL,
    stream   INTEGER NOT NULL,
    first    INTEGER NOT NULL,
    last     INTEGER NOT NULL,
    chain    BLOB NOT NULL,
    reason   INTEGER NOT NULL,
    readings INTEGER NOT NULL,
    from_ms  INTEGER NOT NULL,          -- boot clock of the hub, 0: not known
    to_ms    INTEGER NOT NULL,
    signed   BLOB NOT NULL,
    received_ms INTEGER NOT NULL,
    PRIMARY KEY (hub, epoch, stream, last, first)
) STRICT;

CREATE TABLE epoch (
    hub      TEXT NOT NULL,
    epoch    BLOB NOT NULL,
    previous BLOB,                      -- NULL: the epoch of enrolment
    own_urgent   INTEGER NOT NULL DEFAULT 0,
    own_routine  INTEGER NOT NULL DEFAULT 0,
    told_urgent  INTEGER NOT NULL DEFAULT 0,
    told_routine INTEGER NOT NULL DEFAULT 0,
    opened_ms    INTEGER NOT NULL,
    PRIMARY KEY (hub, epoch)
) STRICT;

CREATE TABLE incident (                 -- our own trouble with a hub, for operations to look at
    id        INTEGER PRIMARY KEY,
    hub       TEXT NOT NULL,
    code      TEXT NOT NULL,
    detail    TEXT NOT NULL,
    raised_ms INTEGER NOT NULL
) STRICT;

ALTER TABLE batch ADD COLUMN counted INTEGER NOT NULL DEFAULT 1;  -- 0: the same content is counted elsewhere

CREATE TABLE recut (                    -- content numbered anew in a later epoch, by where it stood before
    hub    TEXT NOT NULL,
    epoch  BLOB NOT NULL,
    stream INTEGER NOT NULL,
    seq    INTEGER NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (hub, epoch, stream, seq, digest)
) STRICT;
