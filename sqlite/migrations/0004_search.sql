-- Texts are found by their words.

ALTER TABLE messages ADD COLUMN document INTEGER; -- of a text that was not deleted: documents.num

-- The texts there are, the newest highest, so that hits come out in that order
-- and nobody has to sort them.
CREATE TABLE documents (
  num    INTEGER PRIMARY KEY,
  room   INTEGER NOT NULL,
  seq    INTEGER NOT NULL,
  time   INTEGER NOT NULL, -- the message's, which may be a little before that of
  latest INTEGER NOT NULL  -- an earlier one: the latest so far
) STRICT;
CREATE INDEX documents_latest ON documents (latest);

-- By how much a time was before the latest so far, at most. With it, a time says
-- which documents can be from before and after it.
CREATE TABLE lateness (one INTEGER PRIMARY KEY CHECK (one = 1), ms INTEGER NOT NULL) STRICT;
INSERT INTO lateness VALUES (1, 0);

-- Their words, as words.go spells them; the rowid is documents.num. The texts
-- themselves are in messages alone. scope has words of ours, "r7" for the room
-- and "u3" for the user, so that what somebody said about something is found
-- without reading all that was said about it.
CREATE VIRTUAL TABLE search USING fts5 (text, scope, content='', contentless_delete=1,
  tokenize="unicode61 remove_diacritics 0 categories 'L* N* M* So'");
