-- What later entries say of a message, folded, and who is named by which.

ALTER TABLE messages ADD COLUMN edited INTEGER;  -- the seq of the newest edit
ALTER TABLE messages ADD COLUMN deleted INTEGER; -- the seq of the delete

CREATE TABLE reactions (
  room  INTEGER NOT NULL,
  seq   INTEGER NOT NULL, -- of the message
  emoji TEXT    NOT NULL,
  user  INTEGER NOT NULL REFERENCES users (num),
  entry INTEGER NOT NULL, -- the seq of the entry that put it there
  PRIMARY KEY (room, seq, entry),
  UNIQUE (room, seq, emoji, user)
) STRICT, WITHOUT ROWID;

CREATE TABLE mentions (
  user INTEGER NOT NULL REFERENCES users (num),
  room INTEGER NOT NULL,
  seq  INTEGER NOT NULL,
  PRIMARY KEY (user, room, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX mentions_message ON mentions (room, seq);
