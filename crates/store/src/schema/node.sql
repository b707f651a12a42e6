-- The node's own audit trail: a log of the same kind.
CREATE TABLE audit (
    seq     INTEGER PRIMARY KEY,            -- 0-based index of the leaf
    at      INTEGER NOT NULL,
    who     TEXT NOT NULL,                  -- a login name, a partner's name, or 'node'
    act     TEXT NOT NULL,
    about   TEXT NOT NULL,
    detail  TEXT NOT NULL,                  -- JSON; no source, no body, no token
    marks   TEXT NOT NULL,                  -- comma-separated: bootstrap, imminent_danger, override
    text    TEXT NOT NULL,                  -- what the leaf is made of
    leaf    BLOB NOT NULL                   -- leaf hash of SHA-256(text); the right edge of the tree stands in meta
) STRICT;

-- Acts that need two persons and wait for the second.
CREATE TABLE pending_acts (
    id          TEXT PRIMARY KEY,
    kind        TEXT NOT NULL,
    payload     TEXT NOT NULL,              -- JSON of what is to be done; the digest is of these bytes
    digest      BLOB NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'refused')),
    proposed_by TEXT NOT NULL,
    proposed_at INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    signature   TEXT NOT NULL,              -- the proposer's signed note
    decided_by  TEXT,
    decided_at  INTEGER,
    approval    TEXT,                       -- the approver's signed note; NULL when it was refused
    CHECK ((state = 'waiting') = (decided_by IS NULL)),
    CHECK ((state = 'done') = (approval IS NOT NULL)),
    CHECK (decided_by IS NULL OR decided_at IS NOT NULL),
    CHECK (state <> 'done' OR decided_by <> proposed_by)
) STRICT, WITHOUT ROWID;
CREATE INDEX pending_acts_waiting ON pending_acts(proposed_at) WHERE state = 'waiting';

-- Clocks that fired, so that none fires twice and none is un-fired by a clock that runs back.
CREATE TABLE fired (
    clock    TEXT PRIMARY KEY,
    due      INTEGER NOT NULL,
    fired_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE notices (
    id         INTEGER PRIMARY KEY,
    line       TEXT NOT NULL,               -- content-free
    state      TEXT NOT NULL CHECK (state IN ('waiting', 'sent', 'given_up')),
    attempts   INTEGER NOT NULL,
    next_at    INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX notices_waiting ON notices(next_at) WHERE state = 'waiting';

CREATE TABLE roster (
    position INTEGER PRIMARY KEY,
    name     TEXT NOT NULL,
    phone    TEXT NOT NULL
) STRICT;

CREATE TABLE risk_assessments (
    id          INTEGER PRIMARY KEY,
    partner     TEXT NOT NULL,
    domain      TEXT NOT NULL,
    author      TEXT NOT NULL,
    basis       TEXT NOT NULL,
    assurances  TEXT NOT NULL,              -- JSON list
    review_date TEXT NOT NULL,
    at          INTEGER NOT NULL
) STRICT;
CREATE INDEX risk_assessments_by_partner ON risk_assessments(partner, domain);

-- What the receiver did about a release; local.
CREATE TABLE actions (
    id            INTEGER PRIMARY KEY,
    release       TEXT NOT NULL,            -- origin hex '/' index
    kind          TEXT NOT NULL,
    text          TEXT NOT NULL,
    by_person     TEXT NOT NULL,
    at            INTEGER NOT NULL,
    stand_down_at INTEGER
) STRICT;
CREATE INDEX actions_by_release ON actions(release);
