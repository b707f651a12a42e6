-- What is looked for whenever a warning is written, and what is listed, without reading every warning.
CREATE INDEX warnings_waived ON warnings(created_at, id) WHERE state = 'waived';
CREATE INDEX warnings_by_age ON warnings(created_at, id);
