-- Entries that a partner gave as erased, by their commitments alone, and whose recall is not held yet.
CREATE TABLE unnamed (
    channel INTEGER NOT NULL,
    idx     INTEGER NOT NULL,
    PRIMARY KEY (channel, idx)
) STRICT, WITHOUT ROWID;

-- From an entry of ours to the warning that it is a copy of; and the warnings that are asked back.
CREATE INDEX outbox_by_entry ON outbox(origin, idx) WHERE origin IS NOT NULL;
CREATE INDEX warnings_recalling ON warnings(id) WHERE state = 'recalling';
