-- Who is enrolled, with which right they came, and what was refused.

CREATE TABLE hub (
    id               TEXT PRIMARY KEY,
    home             TEXT NOT NULL,
    identity         BLOB NOT NULL UNIQUE,   -- SubjectPublicKeyInfo: one identity, one hub
    data_certificate BLOB NOT NULL,          -- DER
    standing         TEXT NOT NULL CHECK (standing IN ('enrolled', 'revoked')),
    reason           TEXT NOT NULL DEFAULT '',
    standing_at_ms   INTEGER NOT NULL,
    enrolled_at_ms   INTEGER NOT NULL
) STRICT;

CREATE TABLE voucher (
    id              TEXT PRIMARY KEY,
    home            TEXT NOT NULL,
    mac_key         BLOB NOT NULL,           -- scrypt of the code; the code itself is never stored
    expires_ms      INTEGER NOT NULL,
    wrong_codes     INTEGER NOT NULL DEFAULT 0,
    locked_until_ms INTEGER NOT NULL DEFAULT 0,
    request_hash    BLOB,                    -- set when used: the one request it answered ...
    answer          BLOB                     -- ... and the answer, for a hub that lost it
) STRICT;

CREATE TABLE refusal (
    number INTEGER PRIMARY KEY,
    at_ms  INTEGER NOT NULL,
    place  TEXT NOT NULL,                    -- enrol, renew, standing, broker, intake
    hub    TEXT NOT NULL,                    -- as claimed; empty if nobody could tell
    code   TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;
