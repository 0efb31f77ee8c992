-- Which version of the trust bundle a hub last said that it believes, in a question it signed.

CREATE TABLE hub_bundle (
    hub     TEXT PRIMARY KEY REFERENCES hub (id) ON DELETE CASCADE,
    version INTEGER NOT NULL,
    told_ms INTEGER NOT NULL          -- when it said so first
) STRICT;
