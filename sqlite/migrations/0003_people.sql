-- Accounts and what they may do, other ways to come in, and rooms that have
-- admins, a topic and an end.

ALTER TABLE users ADD COLUMN role TEXT NOT NULL DEFAULT 'guest'; -- 'admin', '' or 'guest', which all were
ALTER TABLE users ADD COLUMN password TEXT;                      -- what SetPassword was given, or NULL
ALTER TABLE users ADD COLUMN seen INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN removed INTEGER;                    -- when; who was is never an admin
UPDATE users SET seen = created;
CREATE INDEX users_admins ON users (role) WHERE role = 'admin';

-- Whom another system (issuer) knows as subject.
CREATE TABLE identities (
  issuer  TEXT    NOT NULL,
  subject TEXT    NOT NULL,
  user    INTEGER NOT NULL REFERENCES users (num),
  PRIMARY KEY (issuer, subject)
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_user ON sessions (user);

CREATE TABLE tickets (
  num     INTEGER PRIMARY KEY, -- later ones have higher numbers
  hash    BLOB    NOT NULL UNIQUE,
  id      TEXT    NOT NULL UNIQUE,
  by      INTEGER REFERENCES users (num), -- NULL: whoever runs the server
  reset   INTEGER REFERENCES users (num), -- NULL: it invites
  uses    INTEGER NOT NULL,               -- that are left, at least 1
  expires INTEGER NOT NULL
) STRICT;
CREATE INDEX tickets_by ON tickets (by);
CREATE INDEX tickets_reset ON tickets (reset);
CREATE INDEX tickets_expires ON tickets (expires);

ALTER TABLE rooms ADD COLUMN topic TEXT NOT NULL DEFAULT '';
ALTER TABLE rooms ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;

ALTER TABLE members ADD COLUMN role TEXT NOT NULL DEFAULT '';
-- Whoever made a room joined it in the same moment.
UPDATE members SET role = 'admin' WHERE EXISTS (SELECT 1 FROM rooms
  WHERE num = members.room AND kind = 'public' AND id <> 'lobby' AND created = members.joined);
-- The user's, so that a room's members can be read by name.
ALTER TABLE members ADD COLUMN key TEXT NOT NULL DEFAULT '';
UPDATE members SET key = (SELECT key FROM users WHERE num = members.user);
CREATE UNIQUE INDEX members_room ON members (room, key);

-- Names as they are looked for: from their beginning (later = 0), and from each
-- later word on (later = 1). Filled by a step in Go, see names.go.
CREATE TABLE user_words (
  later INTEGER NOT NULL,
  part  TEXT    NOT NULL,
  user  INTEGER NOT NULL REFERENCES users (num),
  PRIMARY KEY (later, part, user)
) STRICT, WITHOUT ROWID;
-- Of public rooms alone.
CREATE TABLE room_words (
  later INTEGER NOT NULL,
  part  TEXT    NOT NULL,
  room  INTEGER NOT NULL REFERENCES rooms (num),
  PRIMARY KEY (later, part, room)
) STRICT, WITHOUT ROWID;
CREATE INDEX room_words_room ON room_words (room);
