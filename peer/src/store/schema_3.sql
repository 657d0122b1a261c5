-- What contacts are to us, what they tell of themselves, and changed keys.

ALTER TABLE contacts ADD COLUMN group_name TEXT NOT NULL DEFAULT '';
ALTER TABLE contacts ADD COLUMN favourite INTEGER NOT NULL DEFAULT 0;
ALTER TABLE contacts ADD COLUMN muted INTEGER NOT NULL DEFAULT 0;
-- What the contact last told of herself; fields as a JSON object.
ALTER TABLE contacts ADD COLUMN status TEXT NOT NULL DEFAULT '';
ALTER TABLE contacts ADD COLUMN fields TEXT NOT NULL DEFAULT '{}';
-- While the trust is 'changed': the key that is shown now, and whether the
-- known one was verified before.
ALTER TABLE contacts ADD COLUMN new_key BLOB CHECK (new_key IS NULL OR length(new_key) = 32);
ALTER TABLE contacts ADD COLUMN was_verified INTEGER NOT NULL DEFAULT 0;

-- Keys that the user has refused for a contact: shown again, they are nothing
-- new.
CREATE TABLE refused_keys (
    peer BLOB NOT NULL REFERENCES contacts ON DELETE CASCADE,
    key  BLOB NOT NULL CHECK (length(key) = 32),
    at   INTEGER NOT NULL,
    PRIMARY KEY (peer, key)
) STRICT, WITHOUT ROWID;

-- Messages of ours up to `base` are for an earlier key of the reader and never
-- go to this one.
ALTER TABLE receipts ADD COLUMN base INTEGER NOT NULL DEFAULT 0;
