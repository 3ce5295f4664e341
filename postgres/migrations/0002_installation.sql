-- What tells this installation from all others, wherever they meet, as on NATS
-- servers that they share.
ALTER TABLE parley ADD COLUMN installation text NOT NULL DEFAULT replace(gen_random_uuid()::text, '-', '');
