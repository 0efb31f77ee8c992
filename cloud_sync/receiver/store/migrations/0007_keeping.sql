-- What was erased leaves its key, its hash, and a record of when, by whom and why.

CREATE TABLE deletion (                 -- a chain of rows that only grows: cloud_sync/sync/deletion.py
    number  INTEGER PRIMARY KEY,        -- 1, 2, 3 ... without a gap
    at_ms   INTEGER NOT NULL,
    by_whom TEXT NOT NULL,
    why     TEXT NOT NULL,
    what    TEXT NOT NULL,              -- readings, derived, evidence, home
    home    TEXT NOT NULL,              -- empty: of whatever home, for its age
    batches INTEGER NOT NULL,           -- that point here
    rows    INTEGER NOT NULL,           -- others, deleted or emptied
    content BLOB NOT NULL,              -- hash over key and digest of each of those batches
    chain   BLOB NOT NULL               -- over the row and the chain hash before it
) STRICT;

ALTER TABLE batch ADD COLUMN erased INTEGER REFERENCES deletion (number);  -- NULL: we still hold its content

CREATE INDEX live ON batch (hub, epoch, stream, manifest_seq) WHERE erased IS NULL;
CREATE INDEX aged ON batch (received_ms) WHERE erased IS NULL;
CREATE INDEX emptied ON batch (erased) WHERE erased IS NOT NULL;
