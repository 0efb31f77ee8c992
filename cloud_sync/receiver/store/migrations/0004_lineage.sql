-- A hub's standing may be doubtful; and the line of its TLS certificates, by which a copied card shows.

ALTER TABLE hub RENAME TO hub_before;

CREATE TABLE hub (
    id               TEXT PRIMARY KEY,
    home             TEXT NOT NULL,
    identity         BLOB NOT NULL UNIQUE,   -- SubjectPublicKeyInfo: one identity, one hub
    data_certificate BLOB NOT NULL,          -- DER
    standing         TEXT NOT NULL CHECK (standing IN ('enrolled', 'quarantined', 'suspended', 'revoked')),
    reason           TEXT NOT NULL DEFAULT '',
    standing_at_ms   INTEGER NOT NULL,
    enrolled_at_ms   INTEGER NOT NULL
) STRICT;

INSERT INTO hub SELECT * FROM hub_before;
DROP TABLE hub_before;

CREATE TABLE lineage (
    hub         TEXT PRIMARY KEY REFERENCES hub (id),
    renewed_ms  INTEGER NOT NULL,
    newest      BLOB NOT NULL,               -- serial of the newest certificate; empty: none
    key         BLOB NOT NULL,               -- SHA-256 of its key
    certificate BLOB NOT NULL,               -- DER, for a hub that lost the answer
    seen        INTEGER NOT NULL,            -- whether it was used
    previous    BLOB NOT NULL                -- serial of the one before, good until then
) STRICT;

INSERT INTO lineage SELECT id, unixepoch() * 1000, x'', x'', x'', 0, x'' FROM hub;
