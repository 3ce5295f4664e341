-- People, rooms, who is in which, and the log of every room.
--
-- Times are milliseconds since 1970, UTC. Rows refer to each other by num,
-- which is ours and short; id is what the protocol says.

CREATE TABLE users (
  num     INTEGER PRIMARY KEY,
  id      TEXT    NOT NULL UNIQUE,
  name    TEXT    NOT NULL,
  key     TEXT    NOT NULL UNIQUE, -- parley.NameKey(name): what two names must not share
  created INTEGER NOT NULL
) STRICT;

-- Below next, every number behind base is in use, so that the thousandth guest
-- called "ann" does not ask for "ann 2" to "ann 999" first. Numbers of as many
-- digits share a base, because a long name is cut to make room for them.
-- Whatever frees a name must lower next to its number.
CREATE TABLE numbered_names (
  base   TEXT    NOT NULL,
  digits INTEGER NOT NULL,
  next   INTEGER NOT NULL,
  PRIMARY KEY (base, digits)
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
  hash    BLOB    PRIMARY KEY, -- of the token; the token itself is nowhere here
  user    INTEGER NOT NULL REFERENCES users (num),
  created INTEGER NOT NULL,
  seen    INTEGER NOT NULL     -- to the hour
) STRICT, WITHOUT ROWID;

CREATE TABLE rooms (
  num     INTEGER PRIMARY KEY,
  id      TEXT    NOT NULL UNIQUE,
  name    TEXT    NOT NULL,
  kind    TEXT    NOT NULL,
  first   INTEGER NOT NULL DEFAULT 1,
  last    INTEGER NOT NULL DEFAULT 0,
  created INTEGER NOT NULL,
  low     INTEGER REFERENCES users (num), -- the two people of a direct room,
  high    INTEGER REFERENCES users (num), -- low < high, else NULL
  UNIQUE (low, high)
) STRICT;

CREATE TABLE members (
  room   INTEGER NOT NULL REFERENCES rooms (num),
  user   INTEGER NOT NULL REFERENCES users (num),
  read   INTEGER NOT NULL,
  joined INTEGER NOT NULL,
  PRIMARY KEY (user, room)
) STRICT, WITHOUT ROWID;

-- Entries are added and never changed: an edit, a delete or a reaction is an
-- entry of its own with a target.
CREATE TABLE messages (
  room   INTEGER NOT NULL REFERENCES rooms (num),
  seq    INTEGER NOT NULL,
  user   INTEGER NOT NULL REFERENCES users (num),
  id     TEXT    NOT NULL,
  kind   TEXT    NOT NULL,
  counts INTEGER NOT NULL, -- parley.Counts(kind)
  time   INTEGER NOT NULL,
  body   TEXT    NOT NULL,
  target INTEGER,
  PRIMARY KEY (room, seq),
  UNIQUE (user, room, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX messages_target ON messages (room, target, seq) WHERE target IS NOT NULL;
