-- Files on their way, and those that have arrived.

CREATE TABLE transfers (
    id       BLOB PRIMARY KEY,
    peer     BLOB NOT NULL CHECK (length(peer) = 32),
    outgoing INTEGER NOT NULL,
    name     TEXT NOT NULL,
    folder   INTEGER NOT NULL,
    files    INTEGER NOT NULL,
    size     INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    -- How it stands at each side, as the protocol names it.
    mine     TEXT NOT NULL,
    theirs   TEXT NOT NULL,
    reason   TEXT,
    -- The peer has seen `mine`.
    told     INTEGER NOT NULL DEFAULT 0,
    -- Outgoing: what is sent. Incoming: the folder it goes to.
    root     TEXT NOT NULL,
    -- Incoming: where it lies in the end; before it is done, where it is
    -- about to be put.
    path     TEXT,
    done     INTEGER NOT NULL DEFAULT 0,
    blake3   BLOB,
    over     INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX transfers_open ON transfers (peer) WHERE over = 0 OR told = 0;

-- The files of a transfer that is not over.
CREATE TABLE transfer_files (
    transfer BLOB NOT NULL REFERENCES transfers ON DELETE CASCADE,
    number   INTEGER NOT NULL,
    -- Outgoing: the path inside the set. Incoming: its place here.
    path     TEXT NOT NULL,
    size     INTEGER NOT NULL,
    -- Outgoing: nanoseconds since 1970 when it was last written.
    modified INTEGER,
    -- Incoming: it is whole, synced and checked.
    blake3   BLOB,
    PRIMARY KEY (transfer, number)
) STRICT, WITHOUT ROWID;
