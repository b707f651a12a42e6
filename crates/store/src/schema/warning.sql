CREATE TABLE warnings (
    id          TEXT PRIMARY KEY,
    state       TEXT NOT NULL,
    file        TEXT NOT NULL,              -- the warning file without its sources
    author      TEXT NOT NULL,
    graded_by   TEXT NOT NULL,
    aware_at    INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    sources     TEXT NOT NULL,              -- JSON list of source ids
    terms       TEXT NOT NULL,              -- JSON list of keyed digests of protected words
    duty        TEXT,                       -- JSON of the assessment
    deadline    INTEGER,                    -- by when the duty must be decided
    decided_at  INTEGER,
    valid_until INTEGER NOT NULL            -- then somebody must decide: extend, cancel or let lapse
) STRICT, WITHOUT ROWID;
CREATE INDEX warnings_active ON warnings(valid_until) WHERE state = 'active';
CREATE INDEX warnings_undecided ON warnings(deadline) WHERE decided_at IS NULL AND deadline IS NOT NULL;

CREATE TABLE proposals (
    id          TEXT PRIMARY KEY,
    warning     TEXT NOT NULL REFERENCES warnings(id),
    state       TEXT NOT NULL,
    author      TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    seed        BLOB NOT NULL,
    rendered_at INTEGER NOT NULL,
    digest      BLOB NOT NULL,
    file        TEXT NOT NULL,              -- the warning file as it was previewed, so that it can be rendered again
    request     TEXT NOT NULL,              -- JSON: recipients and what is stated to each
    approval    TEXT                        -- the approver's signed note, once given
) STRICT, WITHOUT ROWID;
CREATE INDEX proposals_by_warning ON proposals(warning);
CREATE INDEX proposals_open ON proposals(created_at, id) WHERE state = 'proposed';

CREATE TABLE proposal_copies (
    proposal  TEXT NOT NULL REFERENCES proposals(id),
    recipient TEXT NOT NULL,
    digest    BLOB NOT NULL,
    bytes     BLOB NOT NULL,
    content   BLOB NOT NULL,                -- digest of what it says, whatever the time it was rendered at
    judgement TEXT NOT NULL,                -- JSON: what was granted and why not more, for our own desk
    PRIMARY KEY (proposal, recipient)
) STRICT, WITHOUT ROWID;

-- Which recipient has which copy, and in which thread the matter runs with it.
CREATE TABLE copies (
    warning   TEXT NOT NULL,
    recipient TEXT NOT NULL,
    proposal  TEXT NOT NULL,
    outbox    TEXT NOT NULL,
    thread    BLOB NOT NULL,
    digest    BLOB NOT NULL,                -- of the rendering's content
    at        INTEGER NOT NULL,
    PRIMARY KEY (warning, recipient, proposal)
) STRICT, WITHOUT ROWID;
CREATE INDEX copies_by_outbox ON copies(outbox);

CREATE TABLE decisions (
    id        TEXT PRIMARY KEY,
    kind      TEXT NOT NULL,
    about     TEXT NOT NULL,
    by_person TEXT NOT NULL,
    role      TEXT NOT NULL,
    at        INTEGER NOT NULL,
    basis     TEXT NOT NULL,
    signature TEXT NOT NULL                 -- the signed note over what was decided
) STRICT, WITHOUT ROWID;
CREATE INDEX decisions_about ON decisions(about);

-- Reviews that a one-person release opened.
CREATE TABLE reviews (
    decision TEXT PRIMARY KEY,
    about    TEXT NOT NULL,
    author   TEXT NOT NULL,
    due      INTEGER NOT NULL,
    done_by  TEXT,
    done_at  INTEGER,
    verdict  TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX reviews_open ON reviews(due) WHERE done_at IS NULL;
