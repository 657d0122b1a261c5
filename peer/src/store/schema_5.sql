-- The log of calls, and the notes that calls leave in conversations.

CREATE TABLE calls (
    id       BLOB PRIMARY KEY,
    peer     BLOB NOT NULL CHECK (length(peer) = 32),
    outgoing INTEGER NOT NULL,
    started  INTEGER NOT NULL,
    answered INTEGER,
    -- Missing while the call goes on, and if it was cut short by the end of
    -- the program.
    ended    INTEGER,
    code     INTEGER,
    reason   TEXT,
    -- The user knows of it: always so unless she missed it.
    seen     INTEGER NOT NULL,
    path     TEXT,
    -- Mean of the estimated quality, 1 to 4.5.
    quality  REAL
) STRICT, WITHOUT ROWID;
CREATE INDEX calls_by_time ON calls (started);
CREATE INDEX calls_unseen ON calls (peer) WHERE seen = 0;

-- The call that a message is the trace of.
ALTER TABLE entries ADD COLUMN call BLOB;
