CREATE TABLE people (
    name          TEXT PRIMARY KEY,
    roles         TEXT NOT NULL,            -- comma-separated words
    state         TEXT NOT NULL CHECK (state IN ('invited', 'active', 'disabled')),
    invitation    BLOB,                     -- digest of the one-time secret that is out; NULL when none is
    invited_until INTEGER,
    failures      INTEGER NOT NULL,         -- wrong passphrases since the last right one
    locked_until  INTEGER,
    created_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Every key a person has had: an old signature must stay checkable after the login was reset.
CREATE TABLE person_keys (
    verifier   TEXT PRIMARY KEY,
    person     TEXT NOT NULL REFERENCES people(name),
    recipient  TEXT NOT NULL,               -- the person's age recipient
    sealed     BLOB,                        -- signing seed and age identity, under the passphrase; NULL once retired
    made_at    INTEGER NOT NULL,
    retired_at INTEGER,
    CHECK ((sealed IS NULL) = (retired_at IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX person_keys_in_use ON person_keys(person) WHERE retired_at IS NULL;
