-- A node that goes on from a copy of its data: which logs have not caught up yet, and up to where.
ALTER TABLE channels ADD COLUMN recovering INTEGER NOT NULL DEFAULT 0;  -- 1: nothing is signed or cosigned before it is settled
ALTER TABLE channels ADD COLUMN held TEXT;  -- theirs: the own cosigned checkpoint that the copy must grow into first
