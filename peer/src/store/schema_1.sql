-- Contacts, conversations, outbox, settings.

CREATE TABLE contacts (
    peer      BLOB PRIMARY KEY CHECK (length(peer) = 32),
    alias     TEXT NOT NULL UNIQUE COLLATE NOCASE,
    name      TEXT NOT NULL DEFAULT '',
    trust     TEXT NOT NULL CHECK (trust IN ('verified', 'known', 'changed')),
    relation  TEXT NOT NULL CHECK (relation IN ('asked', 'mutual', 'rejected')),
    note      TEXT NOT NULL DEFAULT '',
    blocked   INTEGER NOT NULL DEFAULT 0,
    added_at  INTEGER NOT NULL,
    last_seen INTEGER
) STRICT;

-- Where a contact was reached, newest first tried.
CREATE TABLE addresses (
    peer      BLOB NOT NULL REFERENCES contacts ON DELETE CASCADE,
    address   TEXT NOT NULL,
    last_used INTEGER NOT NULL,
    PRIMARY KEY (peer, address)
) STRICT, WITHOUT ROWID;

-- Names at registries, with the key that was seen there first.
CREATE TABLE registry_names (
    registry TEXT NOT NULL,
    username TEXT NOT NULL COLLATE NOCASE,
    peer     BLOB NOT NULL REFERENCES contacts ON DELETE CASCADE,
    PRIMARY KEY (registry, username)
) STRICT, WITHOUT ROWID;

-- Strangers who ask to become contacts.
CREATE TABLE requests (
    id   BLOB PRIMARY KEY,
    peer BLOB NOT NULL UNIQUE CHECK (length(peer) = 32),
    name TEXT NOT NULL,
    note TEXT NOT NULL,
    at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A conversation with one person. It stays when the contact is removed, as
-- the numbers of its messages must go on where they were.
CREATE TABLE conversations (
    id   INTEGER PRIMARY KEY,
    peer BLOB NOT NULL UNIQUE CHECK (length(peer) = 32)
) STRICT;

-- For each author of a conversation: the last message stored here, and the
-- last that was read here. Numbers have no gaps up to `stored`.
CREATE TABLE streams (
    conversation INTEGER NOT NULL REFERENCES conversations,
    author       BLOB NOT NULL,
    stored       INTEGER NOT NULL DEFAULT 0,
    seen         INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (conversation, author)
) STRICT, WITHOUT ROWID;

-- For each reader of our messages: up to which number they are on the
-- reader's disk, and read. Our messages beyond `delivered` are the outbox.
CREATE TABLE receipts (
    conversation INTEGER NOT NULL REFERENCES conversations,
    reader       BLOB NOT NULL,
    delivered    INTEGER NOT NULL DEFAULT 0,
    seen         INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (conversation, reader)
) STRICT, WITHOUT ROWID;

-- `pos` is the order of arrival, in which a conversation is shown.
CREATE TABLE messages (
    pos          INTEGER PRIMARY KEY AUTOINCREMENT,
    id           BLOB NOT NULL UNIQUE,
    conversation INTEGER NOT NULL REFERENCES conversations,
    author       BLOB NOT NULL,
    seq          INTEGER NOT NULL,
    text         TEXT NOT NULL,
    sent_at      INTEGER NOT NULL,
    stored_at    INTEGER NOT NULL,
    reply_to     BLOB,
    client_id    TEXT UNIQUE,
    UNIQUE (conversation, author, seq)
) STRICT;
CREATE INDEX messages_by_conversation ON messages (conversation, pos);

-- Registries we know, and the session we have there, as JSON.
CREATE TABLE registries (
    url      TEXT PRIMARY KEY,
    username TEXT,
    session  TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE settings (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
