-- Channels and their logs. One row per log and per entry; the text of an entry is sealed under a key of its own
-- that stands in keys.db.
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE partners (
    name         TEXT PRIMARY KEY,
    card         TEXT NOT NULL,             -- the signed card, byte for byte
    state        TEXT NOT NULL,             -- unconfirmed, confirmed
    added_at     INTEGER NOT NULL,
    confirmed_at INTEGER,
    heard_at     INTEGER,                   -- when the partner last answered or called
    trouble      TEXT                       -- what stands in the way of delivery, in words; NULL when nothing does
) STRICT, WITHOUT ROWID;

CREATE TABLE channels (
    id         INTEGER PRIMARY KEY,
    origin     TEXT NOT NULL UNIQUE,        -- 64 hex digits
    partner    TEXT NOT NULL REFERENCES partners(name),
    side       TEXT NOT NULL,               -- ours: we are the giver; theirs: we are the receiver
    use        TEXT NOT NULL,               -- actual, exercise
    statement  TEXT NOT NULL,               -- the statement in force; half-signed while proposed
    state      TEXT NOT NULL,               -- proposed, open, frozen
    reason     TEXT,                        -- why it is frozen
    size       INTEGER NOT NULL,            -- entries appended (ours) or held (theirs)
    range      BLOB NOT NULL,               -- compact range at that size
    cosigned   INTEGER NOT NULL,            -- largest size with the receiver's cosignature; 0 if none
    written    INTEGER NOT NULL,            -- time of the newest entry by its writer; never falls
    cosigned_at INTEGER NOT NULL,           -- time of the newest cosignature; never falls
    seen       INTEGER NOT NULL             -- largest opposite size that an entry named; never falls
) STRICT;
CREATE UNIQUE INDEX channels_by_partner ON channels(partner, side, use);

CREATE TABLE entries (
    channel    INTEGER NOT NULL REFERENCES channels(id),
    idx        INTEGER NOT NULL,
    kind       TEXT NOT NULL,
    thread     BLOB NOT NULL,
    answers    TEXT,                        -- origin hex '/' index
    written    INTEGER NOT NULL,            -- by the writer's clock
    kept_at    INTEGER NOT NULL,            -- by our clock: appended (ours) or held (theirs)
    facts      TEXT NOT NULL,
    commitment BLOB NOT NULL,
    key_id     BLOB,                        -- NULL once erased
    sealed     BLOB,                        -- salt and entry, sealed; NULL once erased
    PRIMARY KEY (channel, idx)
) STRICT;

CREATE INDEX entries_by_answer ON entries(channel, answers) WHERE answers IS NOT NULL;

-- Full subtrees, so that any root and any proof costs a logarithm.
CREATE TABLE subtrees (
    channel INTEGER NOT NULL,
    level   INTEGER NOT NULL,
    idx     INTEGER NOT NULL,
    hash    BLOB NOT NULL,
    PRIMARY KEY (channel, level, idx)
) STRICT, WITHOUT ROWID;

-- The sign fence and the receipts: a second root for a size is impossible by the key.
CREATE TABLE heads (
    channel INTEGER NOT NULL,
    size    INTEGER NOT NULL,
    root    BLOB NOT NULL,
    note    TEXT,                           -- the checkpoint with all its lines, once signed
    line    TEXT,                           -- the cosignature's line, once there
    at      INTEGER,                        -- the cosignature's time
    PRIMARY KEY (channel, size)
) STRICT, WITHOUT ROWID;

CREATE TABLE outbox (
    id         TEXT PRIMARY KEY,
    seq        INTEGER NOT NULL UNIQUE,     -- the order in which they were decided
    partner    TEXT NOT NULL,
    use        TEXT NOT NULL,
    kind       TEXT NOT NULL,
    thread     BLOB NOT NULL,
    answers    TEXT,
    media      TEXT NOT NULL,
    digest     BLOB NOT NULL,               -- SHA-256 of the body
    condition  TEXT NOT NULL,               -- what must still hold when it is sent (JSON of the acts)
    key_id     BLOB,
    sealed     BLOB,                        -- the body; NULL once appended or withdrawn
    state      TEXT NOT NULL,               -- queued, appended, withdrawn
    reason     TEXT,                        -- why it was withdrawn
    origin     TEXT,                        -- where it was appended
    idx        INTEGER,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_waiting ON outbox(partner, seq) WHERE state = 'queued';

-- Keys of texts that this database holds no more, to be deleted from keys.db once this is durable.
CREATE TABLE keys_to_forget (
    id    BLOB PRIMARY KEY,
    entry INTEGER NOT NULL                  -- 1: of an entry that was erased; 0: of an outbox body that was sent or stopped
) STRICT, WITHOUT ROWID;

CREATE TABLE evidence (
    id      INTEGER PRIMARY KEY,
    channel INTEGER NOT NULL,
    what    TEXT NOT NULL,                  -- what is wrong, in words
    note    TEXT NOT NULL,                  -- the signed note as it came
    parcel  BLOB,                           -- the parcel as it came, if kept
    at      INTEGER NOT NULL
) STRICT;
