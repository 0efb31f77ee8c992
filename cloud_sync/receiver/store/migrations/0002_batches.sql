-- Evidence (signed batches), the ledger over them, and what is derived from them and can be rebuilt.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;

CREATE TABLE batch (
    id            INTEGER PRIMARY KEY,
    hub           TEXT NOT NULL,
    epoch         BLOB NOT NULL,
    stream        INTEGER NOT NULL,
    seq           INTEGER NOT NULL,
    digest        BLOB NOT NULL,      -- of the signed content
    envelope      BLOB NOT NULL,      -- digest of the message it first came in
    signed        BLOB NOT NULL,
    readings      INTEGER NOT NULL,
    message_bytes INTEGER NOT NULL,
    received_ms   INTEGER NOT NULL,
    counted       INTEGER NOT NULL,   -- 0: the same content is counted elsewhere
    manifest_seq  INTEGER NOT NULL,   -- the batch whose manifest it leans on, perhaps itself
    offset_ms     INTEGER,            -- wall clock = boot clock + this, as placed; NULL: its manifest is not here yet
    quality       INTEGER,            -- of that
    checkpoint    BLOB,               -- the chain hash before it, where it states one
    UNIQUE (hub, epoch, stream, seq)
) STRICT;

CREATE INDEX unread ON batch (hub, epoch, stream, manifest_seq) WHERE offset_ms IS NULL;

CREATE TABLE manifest (               -- as batches carry them
    hub    TEXT NOT NULL,
    epoch  BLOB NOT NULL,
    stream INTEGER NOT NULL,
    seq    INTEGER NOT NULL,
    packed BLOB NOT NULL,
    PRIMARY KEY (hub, epoch, stream, seq)
) STRICT;

CREATE TABLE anchor (                 -- the best clock that each boot of a hub has told
    hub     TEXT NOT NULL,
    boot_id BLOB NOT NULL,
    wall_ms INTEGER NOT NULL,
    boot_ms INTEGER NOT NULL,
    quality INTEGER NOT NULL,
    PRIMARY KEY (hub, boot_id)
) STRICT;

CREATE TABLE fork (                   -- other content under a number already taken: kept, never counted
    id          INTEGER PRIMARY KEY,
    hub         TEXT NOT NULL,
    epoch       BLOB NOT NULL,
    stream      INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    digest      BLOB NOT NULL,
    signed      BLOB NOT NULL,
    received_ms INTEGER NOT NULL,
    UNIQUE (hub, epoch, stream, seq, digest)
) STRICT;

CREATE TABLE account (                -- how far each stream is held without a gap
    hub    TEXT NOT NULL,
    epoch  BLOB NOT NULL,
    stream INTEGER NOT NULL,
    head   INTEGER NOT NULL,
    chain  BLOB NOT NULL,
    PRIMARY KEY (hub, epoch, stream)
) STRICT;

CREATE TABLE session (                -- the last session each hub opened, and its heartbeats
    hub         TEXT PRIMARY KEY,
    key         BLOB NOT NULL,
    boot_id     BLOB NOT NULL,
    opened_ms   INTEGER NOT NULL,
    counter     INTEGER NOT NULL DEFAULT 0,
    beat_ms     INTEGER,              -- when the last believed heartbeat came
    frame_age_s INTEGER
) STRICT;

CREATE TABLE sensor (                 -- each sensor as its hub last described it
    home       TEXT NOT NULL,
    address    TEXT NOT NULL,
    hub        TEXT NOT NULL,
    name       TEXT NOT NULL,
    room       TEXT NOT NULL,
    role       TEXT NOT NULL,
    model      TEXT NOT NULL,
    contract   INTEGER NOT NULL,
    period_s   INTEGER NOT NULL,
    heard_ms   INTEGER,               -- wall clock, as placed
    kept       INTEGER NOT NULL DEFAULT 0,
    told_ms    INTEGER NOT NULL,      -- when the hub made the statement, as placed
    PRIMARY KEY (home, address)
) STRICT;

CREATE TABLE last (                   -- the newest value of each kind, and the newest doubted one beside it
    home        TEXT NOT NULL,
    address     TEXT NOT NULL,
    kind        TEXT NOT NULL,
    doubted     INTEGER NOT NULL,     -- by its flags
    value       ANY NOT NULL,
    unit        TEXT NOT NULL,
    exponent    INTEGER NOT NULL,
    form        TEXT NOT NULL,
    flags       INTEGER NOT NULL,
    happened_ms INTEGER NOT NULL,
    quality     INTEGER NOT NULL,
    received_ms INTEGER NOT NULL,
    PRIMARY KEY (home, address, kind, doubted)
) STRICT;

CREATE TABLE span (                   -- when a hub proved that it listened
    hub     TEXT NOT NULL,
    from_ms INTEGER NOT NULL,
    to_ms   INTEGER NOT NULL,
    PRIMARY KEY (hub, from_ms)
) STRICT;

CREATE TABLE coverage (               -- the watch's verdict on each sensor
    home    TEXT NOT NULL,
    address TEXT NOT NULL,
    state   TEXT NOT NULL,
    cause   TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    PRIMARY KEY (home, address)
) STRICT;

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


CREATE TABLE recut (                    -- where content that a later epoch numbered anew stood before
    hub      TEXT NOT NULL,
    epoch    BLOB NOT NULL,
    stream   INTEGER NOT NULL,
    seq      INTEGER NOT NULL,
    digest   BLOB NOT NULL,
    by_epoch BLOB NOT NULL,             -- the batch that says so
    by_seq   INTEGER NOT NULL,
    PRIMARY KEY (hub, epoch, stream, seq, digest, by_epoch, by_seq)
) STRICT;
