-- Keys that change, and logs that go on in another log.

-- Every statement of a log, by the size from which its keys hold. None is ever taken away once both have signed it.
CREATE TABLE statements (
    channel    INTEGER NOT NULL REFERENCES channels(id),
    from_size  INTEGER NOT NULL,
    generation INTEGER NOT NULL,            -- of our log key; 0 for a partner's log
    text       TEXT NOT NULL,               -- half-signed while proposed
    state      TEXT NOT NULL CHECK (state IN ('proposed', 'agreed')),
    PRIMARY KEY (channel, from_size)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX statements_proposed ON statements(channel) WHERE state = 'proposed';
INSERT INTO statements (channel, from_size, generation, text, state)
    SELECT id, 0, 0, statement, 'agreed' FROM channels WHERE state <> 'proposed';

ALTER TABLE channels ADD COLUMN follows TEXT;   -- origin of the log that this one goes on from
ALTER TABLE channels ADD COLUMN until INTEGER;  -- once succeeded: how many entries of this log count
DROP INDEX channels_by_partner;
CREATE UNIQUE INDEX channels_by_partner ON channels(partner, side, use) WHERE state <> 'succeeded';

-- Logs of ours that are to be succeeded and still end in order; gone once the successor was proposed.
CREATE TABLE endings (
    channel   INTEGER PRIMARY KEY REFERENCES channels(id),
    by_person TEXT NOT NULL,                -- a login name, or 'node'
    reason    TEXT NOT NULL,
    at        INTEGER NOT NULL
) STRICT;

-- Successors that a partner proposed and a person must look at.
CREATE TABLE successors (
    origin  TEXT PRIMARY KEY,               -- of the new log
    partner TEXT NOT NULL REFERENCES partners(name),
    text    TEXT NOT NULL,                  -- the proposal, signed by its giver
    state   TEXT NOT NULL CHECK (state IN ('waiting', 'accepted', 'refused')),
    at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Entries of ours that no receipt covered when their log was succeeded, and the outbox row that sends each anew.
CREATE TABLE sent_anew (
    origin TEXT NOT NULL,
    idx    INTEGER NOT NULL,
    outbox TEXT NOT NULL REFERENCES outbox(id),
    PRIMARY KEY (origin, idx)
) STRICT, WITHOUT ROWID;
