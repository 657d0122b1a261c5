-- Messages become entries of their author's stream: edits, deletions and
-- reactions beside texts. Full-text search.

CREATE TABLE new_streams (
    id           INTEGER PRIMARY KEY,
    conversation INTEGER NOT NULL REFERENCES conversations,
    author       BLOB NOT NULL,
    stored       INTEGER NOT NULL DEFAULT 0,
    seen         INTEGER NOT NULL DEFAULT 0,
    UNIQUE (conversation, author)
) STRICT;
INSERT INTO new_streams (conversation, author, stored, seen)
    SELECT conversation, author, stored, seen FROM streams;
DROP TABLE streams;
ALTER TABLE new_streams RENAME TO streams;

-- `pos` is the order of arrival, in which a conversation is shown. `seq` is
-- the place in the author's stream; an imported entry whose place is taken
-- has none. Entries with a `target` are about another one.
--
-- `text` is what the entry brought: the text, the new text of an edit, the
-- character of a reaction. What a message reads now, when it was edited, is
-- in `edited`. A deleted message keeps its row with nothing in it.
CREATE TABLE entries (
    pos          INTEGER PRIMARY KEY AUTOINCREMENT,
    id           BLOB NOT NULL UNIQUE,
    conversation INTEGER NOT NULL REFERENCES conversations,
    stream       INTEGER NOT NULL REFERENCES streams,
    seq          INTEGER,
    kind         TEXT NOT NULL CHECK (kind IN ('text', 'edit', 'delete', 'reaction')),
    target       BLOB CHECK ((target IS NULL) = (kind = 'text')),
    text         TEXT NOT NULL,
    sent_at      INTEGER NOT NULL,
    stored_at    INTEGER NOT NULL,
    reply_to     BLOB,
    client_id    TEXT,
    edited       TEXT,
    edited_at    INTEGER,
    deleted_at   INTEGER,
    -- Deleted for us alone while the other still waits for it.
    hidden       INTEGER NOT NULL DEFAULT 0,
    UNIQUE (stream, seq)
) STRICT;
INSERT INTO entries (pos, id, conversation, stream, seq, kind, text, sent_at, stored_at, reply_to, client_id)
    SELECT m.pos, m.id, m.conversation, s.id, m.seq, 'text', m.text, m.sent_at, m.stored_at, m.reply_to, m.client_id
    FROM messages m JOIN streams s ON s.conversation = m.conversation AND s.author = m.author
    ORDER BY m.pos;
DROP TABLE messages;
CREATE UNIQUE INDEX entries_by_client_id ON entries (client_id) WHERE client_id IS NOT NULL;
CREATE INDEX entries_shown ON entries (conversation, pos) WHERE target IS NULL AND hidden = 0;
CREATE INDEX entries_by_target ON entries (target) WHERE target IS NOT NULL;
CREATE INDEX entries_hidden ON entries (stream, seq) WHERE hidden = 1;

-- Messages removed here, by id: what still comes about one is too late.
CREATE TABLE removed (id BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;

-- The reaction that stands, one for each message and person.
CREATE TABLE reactions (
    message BLOB NOT NULL,
    author  BLOB NOT NULL,
    emoji   TEXT NOT NULL,
    PRIMARY KEY (message, author)
) STRICT, WITHOUT ROWID;

-- The words of the messages, by `pos`, and the conversation as one more word
-- so that the index itself narrows a search to it. The texts themselves are
-- only in `entries`. Filled in steps, up to `indexed`, as nobody who writes a
-- message should wait for it; what is deleted leaves the index at once.
CREATE VIRTUAL TABLE words USING fts5 (
    place, text,
    content = '', columnsize = 0, prefix = '1 2 3 4 5 6',
    tokenize = "unicode61 remove_diacritics 2 categories 'L* N* Co So'"
);
INSERT INTO words (words, rank) VALUES ('secure-delete', 1);
CREATE TABLE indexed (upto INTEGER NOT NULL) STRICT;
INSERT INTO indexed VALUES (0);

CREATE TRIGGER entries_unindex AFTER DELETE ON entries
    WHEN old.target IS NULL AND old.deleted_at IS NULL AND old.pos <= (SELECT upto FROM indexed)
BEGIN
    INSERT INTO words (words, rowid, place, text)
        VALUES ('delete', old.pos, 'c' || old.conversation, words_of(coalesce(old.edited, old.text)));
END;
CREATE TRIGGER entries_reindex AFTER UPDATE OF text, edited, deleted_at ON entries
    WHEN old.target IS NULL AND old.deleted_at IS NULL AND old.pos <= (SELECT upto FROM indexed)
BEGIN
    INSERT INTO words (words, rowid, place, text)
        VALUES ('delete', old.pos, 'c' || old.conversation, words_of(coalesce(old.edited, old.text)));
    INSERT INTO words (rowid, place, text)
        SELECT new.pos, 'c' || new.conversation, words_of(coalesce(new.edited, new.text)) WHERE new.deleted_at IS NULL;
END;
-- Imported entries come before all others.
CREATE TRIGGER entries_index AFTER INSERT ON entries
    WHEN new.target IS NULL AND new.deleted_at IS NULL AND new.pos <= (SELECT upto FROM indexed)
BEGIN
    INSERT INTO words (rowid, place, text)
        VALUES (new.pos, 'c' || new.conversation, words_of(coalesce(new.edited, new.text)));
END;
