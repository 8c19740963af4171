-- Schema 2: what trust needs: tokens that are refreshed ahead, drift of the API's fields, where a row came from, deletions that wait for a yes.

-- what is known of the token in `credentials`, without a secret: {"grant","clientAuth","tokenUrl","scope","audience","subject": how another is got;
-- "obtainedMs","lifeMs": its life (no lifeMs: unknown); "refreshing": since when one is asked for, taken away with the answer}
ALTER TABLE integrations ADD COLUMN token TEXT;

-- Deletions that wait for a yes: more vanished at once than may go by itself. One open question per stream; answered ones stay a while, so that
-- a late answer can be told what became of its question.
CREATE TABLE questions (
  seq INTEGER PRIMARY KEY,
  integration_id TEXT NOT NULL REFERENCES integrations(id),
  stream TEXT NOT NULL,
  run_seq INTEGER NOT NULL,    -- the run that asked
  run_id TEXT NOT NULL,
  before_run INTEGER NOT NULL, -- what this or a later run wrote is there after all
  cause TEXT NOT NULL,         -- sweep partition: becomes the rows' deleted_cause
  state TEXT NOT NULL,         -- open accepted replaced withdrawn
  asked_at TEXT NOT NULL,
  answered_at TEXT,
  live INTEGER NOT NULL,       -- rows that the stream had then
  entities TEXT NOT NULL       -- JSON array
);
CREATE UNIQUE INDEX questions_open ON questions(integration_id, stream) WHERE state = 'open';
CREATE TABLE question_rows (
  question_seq INTEGER NOT NULL REFERENCES questions(seq) ON DELETE CASCADE,
  row_seq INTEGER NOT NULL,
  PRIMARY KEY (question_seq, row_seq)
) WITHOUT ROWID;

-- a record came whose key could not be read: it may be any of those that this listing does not show, so the listing proves no deletion
ALTER TABLE sweeps ADD COLUMN unproved INTEGER NOT NULL DEFAULT 0;

-- who was merged into a record: followed when that one is merged away in its turn
CREATE INDEX integration_data_merged ON integration_data(integration_id, entity_type, merged_into) WHERE merged_into IS NOT NULL;

-- What an account's fields were and became: found when `discover` is asked again. What is in force stands in `discovered`; a change that is not
-- taken waits here with its description.
CREATE TABLE drift (
  seq INTEGER PRIMARY KEY,
  integration_id TEXT NOT NULL REFERENCES integrations(id),
  stream TEXT NOT NULL,
  field TEXT NOT NULL,
  what TEXT NOT NULL,  -- appeared vanished type options
  state TEXT NOT NULL, -- taken: in force; asked: waits for an answer; frozen: left out by the policy; declined: by an answer; over: the API took it back
  run_seq INTEGER,     -- NULL: found by `perilune discover`
  found_at TEXT NOT NULL,
  settled_at TEXT,
  was TEXT,            -- the field's description before and now, as JSON
  now TEXT
);
CREATE INDEX drift_stream ON drift(integration_id, stream, field);

-- Which request brought a record: one row a page, made when the page writes anything. `marked` is the round of retention that last saw a record
-- refer to it (store/origin.c): no index on request_seq is needed, which every written record would pay for.
CREATE TABLE requests (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  run_seq INTEGER NOT NULL,
  stream TEXT NOT NULL,
  page INTEGER NOT NULL, -- of the run
  method TEXT NOT NULL,
  url TEXT NOT NULL,     -- as sent, without credentials; long values cut
  at_ms INTEGER NOT NULL,
  marked INTEGER NOT NULL DEFAULT 0
);
ALTER TABLE integration_data ADD COLUMN request_seq INTEGER;
ALTER TABLE unmapped ADD COLUMN request_seq INTEGER;
ALTER TABLE rejects ADD COLUMN request_seq INTEGER;
-- a reject's state may be `discarded` now: refused, and somebody said that it may be; and it tells by which set of files it was refused
ALTER TABLE rejects ADD COLUMN generation_id INTEGER;

-- What remap put in the place of what, so that it can be taken back: by which set of files an entity's rows were made before, and after.
CREATE TABLE remaps (
  seq INTEGER PRIMARY KEY,
  run_seq INTEGER NOT NULL,
  integration_id TEXT NOT NULL REFERENCES integrations(id),
  entity_type TEXT NOT NULL,
  path TEXT NOT NULL,              -- of the mapping
  from_generation INTEGER NOT NULL,
  to_generation INTEGER NOT NULL,
  undone INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX remaps_entity ON remaps(integration_id, entity_type, undone);
-- The good row of an older version, before remap took in a newer one that had been refused: only there would its bytes be lost otherwise.
CREATE TABLE remap_undo (
  row_seq INTEGER PRIMARY KEY REFERENCES integration_data(seq) ON DELETE CASCADE,
  run_seq INTEGER NOT NULL,        -- of the remap
  was_generation_id INTEGER, was_wanted_id INTEGER, was_run_seq INTEGER, was_plan_id INTEGER, was_request_seq INTEGER, was_source_updated INTEGER,
  was_raw_hash BLOB, was_data_hash BLOB, was_synced_at TEXT, was_updated_at TEXT, was_context TEXT, was_warnings TEXT, was_data TEXT, was_raw TEXT
);
