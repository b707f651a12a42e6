-- How things are carried to and from a partner.
ALTER TABLE partners ADD COLUMN carriage TEXT NOT NULL DEFAULT 'push';  -- push, fetch, wait, file
ALTER TABLE partners ADD COLUMN fetching TEXT;  -- what stands in the way of fetching from it, in words; NULL when nothing does
