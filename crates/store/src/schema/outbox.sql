-- What changes the agreement goes before everything else that waits, and is found without a look at the rest.
CREATE INDEX outbox_agreed ON outbox(partner, use, seq)
    WHERE state = 'queued' AND kind IN ('agreement.proposed', 'agreement.accepted', 'agreement.refused', 'domain.changed');
