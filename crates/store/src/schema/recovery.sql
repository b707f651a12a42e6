-- A node that goes on from a copy of its data: which logs have not caught up yet, and up to where.
ALTER TABLE channels ADD COLUMN recovering INTEGER NOT NULL DEFAULT 0;  -- 1: nothing is signed or cosigned before it is settled
ALTER TABLE channels ADD COLUMN held TEXT;  -- theirs: the own cosigned checkpoint that the copy must grow into first

-- Entries of our own logs that a partner gave back: what was decided in this copy of the data and stands here was sent.
CREATE TABLE came_back (
    partner TEXT NOT NULL,
    use     TEXT NOT NULL,
    kind    TEXT NOT NULL,
    digest  BLOB NOT NULL,              -- SHA-256 of the body
    entry   TEXT NOT NULL,              -- origin hex '/' index
    written INTEGER NOT NULL,
    PRIMARY KEY (partner, use, kind, digest, entry)
) STRICT, WITHOUT ROWID;
