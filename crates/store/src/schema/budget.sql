-- What a partner's log has cost lately, against what the agreement allows. One row a log, whatever comes.
CREATE TABLE budgets (
    channel      INTEGER PRIMARY KEY REFERENCES channels(id),
    stored_bytes INTEGER NOT NULL,          -- sealed bytes of its entries that are kept; kept right by the triggers below
    counted      TEXT NOT NULL              -- JSON of the acts: windows, limits, what was told
) STRICT, WITHOUT ROWID;
INSERT INTO budgets (channel, stored_bytes, counted)
    SELECT id, (SELECT coalesce(sum(length(sealed)), 0) FROM entries WHERE entries.channel = channels.id), '{}'
    FROM channels WHERE side = 'theirs';

CREATE TRIGGER budgets_kept AFTER INSERT ON entries WHEN NEW.sealed IS NOT NULL BEGIN
    UPDATE budgets SET stored_bytes = stored_bytes + length(NEW.sealed) WHERE channel = NEW.channel;
END;
CREATE TRIGGER budgets_erased AFTER UPDATE OF sealed ON entries WHEN OLD.sealed IS NOT NULL AND NEW.sealed IS NULL BEGIN
    UPDATE budgets SET stored_bytes = max(0, stored_bytes - length(OLD.sealed)) WHERE channel = NEW.channel;
END;

-- What is looked at often must not be looked for in everything that ever was.
CREATE INDEX outbox_withdrawn ON outbox(created_at) WHERE state = 'withdrawn';
CREATE INDEX notices_given_up ON notices(id) WHERE state = 'given_up';
