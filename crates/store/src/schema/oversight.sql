-- Oversight's key, which is made off the node, and the heads of the audit trail that were signed for it.
CREATE TABLE oversight_keys (
    seq  INTEGER PRIMARY KEY,
    vkey TEXT NOT NULL,                     -- the verifier key; the newest row is in force
    by   TEXT NOT NULL,                     -- who appointed it
    at   INTEGER NOT NULL
) STRICT;

-- A second root for a size is impossible by the key.
CREATE TABLE trail_heads (
    size        INTEGER PRIMARY KEY,
    root        BLOB NOT NULL,
    cosigned    TEXT,                       -- the checkpoint with both lines, once oversight has cosigned it
    cosigned_at INTEGER                     -- the cosignature's time
) STRICT;
