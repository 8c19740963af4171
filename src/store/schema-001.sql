-- Schema 1. The first five tables are the public ones: names and columns as every integration system of this design has them, then ours.
--
-- Types are TEXT, INTEGER, REAL, BLOB only. SQLite reads a declared type by its letters, and JSONB, UUID, TIMESTAMP would mean "numeric":
-- 0.1000000000000000055 would become 0.1 and a 20-digit number a rounded REAL.
-- `seq` is the row number by name (VACUUM renumbers nameless ones); `id` a UUIDv7, made here too, so that plain INSERTs from sqlite3 work.
-- Wide columns stand last: what is before them is read without touching them.

CREATE TABLE integrations (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE DEFAULT (printf('%08x-%04x-7%03x-%04x-%012x', CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER) >> 16,
    CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER) & 65535, random() & 4095, 32768 | (random() & 16383), random() & 281474976710655)),
  name TEXT NOT NULL,
  type TEXT NOT NULL,
  platform TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'pending',
  last_sync TEXT,
  data_count INTEGER DEFAULT 0,
  error_count INTEGER DEFAULT 0,
  created_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  updated_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  base_url TEXT,
  deleted_at TEXT,
  secrets_version INTEGER NOT NULL DEFAULT 0,
  trusted TEXT,
  settings TEXT,
  credentials TEXT
);
CREATE UNIQUE INDEX integrations_name ON integrations(name) WHERE deleted_at IS NULL;

CREATE TABLE integration_registry (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE DEFAULT (printf('%08x-%04x-7%03x-%04x-%012x', CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER) >> 16,
    CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER) & 65535, random() & 4095, 32768 | (random() & 16383), random() & 281474976710655)),
  name TEXT NOT NULL,
  type TEXT NOT NULL UNIQUE,
  platform TEXT NOT NULL,
  description TEXT,
  category TEXT NOT NULL,
  is_popular INTEGER DEFAULT 0,
  is_active INTEGER DEFAULT 1,
  capabilities TEXT,
  required_fields TEXT,
  optional_fields TEXT,
  icon TEXT,
  documentation_url TEXT,
  created_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  updated_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  source TEXT -- 'connector': written from a connector file and taken away with it; NULL: a row that somebody made
);

CREATE TABLE data_mappings (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE DEFAULT (printf('%08x-%04x-7%03x-%04x-%012x', CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER) >> 16,
    CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER) & 65535, random() & 4095, 32768 | (random() & 16383), random() & 281474976710655)),
  integration_type TEXT NOT NULL,
  entity_type TEXT NOT NULL,
  external_field TEXT NOT NULL,
  internal_field TEXT NOT NULL,
  field_type TEXT NOT NULL,
  is_required INTEGER DEFAULT 0,
  default_value TEXT,
  transformation TEXT,
  validation TEXT,
  created_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  updated_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  is_active INTEGER NOT NULL DEFAULT 1,
  options TEXT,
  UNIQUE (integration_type, entity_type, external_field)
);

CREATE TABLE mapping_templates (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE DEFAULT (printf('%08x-%04x-7%03x-%04x-%012x', CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER) >> 16,
    CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER) & 65535, random() & 4095, 32768 | (random() & 16383), random() & 281474976710655)),
  name TEXT NOT NULL,
  integration_type TEXT NOT NULL,
  entity_type TEXT NOT NULL,
  is_default INTEGER DEFAULT 0,
  created_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  updated_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  mappings TEXT NOT NULL,
  UNIQUE (integration_type, entity_type, name)
);

CREATE TABLE integration_data (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE DEFAULT (printf('%08x-%04x-7%03x-%04x-%012x', CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER) >> 16,
    CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER) & 65535, random() & 4095, 32768 | (random() & 16383), random() & 281474976710655)),
  integration_id TEXT REFERENCES integrations(id),
  entity_type TEXT NOT NULL,
  external_id TEXT NOT NULL,
  source_updated INTEGER,             -- the record's own stamp: ms, micro-units or an integer, as its stream says
  raw_hash BLOB,
  data_hash BLOB,
  plan_id INTEGER,
  generation_id INTEGER,
  wanted_id INTEGER,
  run_seq INTEGER NOT NULL DEFAULT 0, -- the run that last wrote it from the source
  record_key TEXT,                    -- of the record, if one record gives many rows; NULL: it is external_id
  is_stale INTEGER NOT NULL DEFAULT 0, -- a newer version of the record was rejected
  deleted_at TEXT,
  deleted_cause TEXT,                 -- api sweep merge set skip partition
  merged_into TEXT,
  synced_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  created_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  updated_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  context TEXT,                       -- values of the parent record, as a JSON object
  warnings TEXT,
  data TEXT NOT NULL,
  raw TEXT,
  UNIQUE (integration_id, entity_type, external_id)
);
CREATE INDEX integration_data_record ON integration_data(integration_id, entity_type, record_key) WHERE record_key IS NOT NULL;
-- live rows of an entity = entries of the unique index - entries here: counted without touching a row
CREATE INDEX integration_data_dead ON integration_data(integration_id, entity_type) WHERE deleted_at IS NOT NULL;

CREATE TABLE runs (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice: rows remember it
  id TEXT NOT NULL UNIQUE,
  integration_id TEXT NOT NULL REFERENCES integrations(id),
  kind TEXT NOT NULL,
  status TEXT NOT NULL, -- running ok failed stopped interrupted
  generation_id INTEGER,
  started_at TEXT NOT NULL,
  finished_at TEXT,
  started_ms INTEGER NOT NULL,
  finished_ms INTEGER,
  processed INTEGER NOT NULL DEFAULT 0,
  created INTEGER NOT NULL DEFAULT 0,
  updated INTEGER NOT NULL DEFAULT 0,
  unchanged INTEGER NOT NULL DEFAULT 0,
  rejected INTEGER NOT NULL DEFAULT 0,
  deleted INTEGER NOT NULL DEFAULT 0,
  skipped INTEGER NOT NULL DEFAULT 0,
  requests INTEGER NOT NULL DEFAULT 0,
  retries INTEGER NOT NULL DEFAULT 0,
  bytes INTEGER NOT NULL DEFAULT 0,
  error_code TEXT,
  error_message TEXT,
  entities TEXT
);
CREATE INDEX runs_integration ON runs(integration_id, seq);
CREATE INDEX runs_open ON runs(status) WHERE status = 'running';

CREATE TABLE cursors (
  integration_id TEXT NOT NULL REFERENCES integrations(id),
  entity_type TEXT NOT NULL,
  kind TEXT NOT NULL,
  phase TEXT NOT NULL,
  high INTEGER,
  seen_max INTEGER,
  phase_started_ms INTEGER,
  swept_ms INTEGER,
  shape TEXT,
  updated_at TEXT NOT NULL,
  position TEXT,
  PRIMARY KEY (integration_id, entity_type, kind)
) WITHOUT ROWID;

CREATE TABLE rejects (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  integration_id TEXT NOT NULL REFERENCES integrations(id),
  entity_type TEXT NOT NULL,
  record_key TEXT NOT NULL, -- its id, or # and the hash of its bytes
  external_id TEXT,
  state TEXT NOT NULL,      -- open closed gone
  field TEXT,
  code TEXT NOT NULL,
  file TEXT,
  line INTEGER,
  attempts INTEGER NOT NULL DEFAULT 1,
  source_updated INTEGER,
  raw_hash BLOB,
  plan_id INTEGER,
  run_seq INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  message TEXT NOT NULL,
  value_shown TEXT,
  also TEXT,
  context TEXT,
  raw BLOB,                 -- as received; it may be no UTF-8
  UNIQUE (integration_id, entity_type, record_key)
);
CREATE INDEX rejects_state ON rejects(integration_id, state, entity_type);

CREATE TABLE unmapped (
  seq INTEGER PRIMARY KEY,
  integration_id TEXT NOT NULL REFERENCES integrations(id),
  entity_type TEXT NOT NULL,
  record_key TEXT NOT NULL,
  source_updated INTEGER,
  raw_hash BLOB,
  plan_id INTEGER,
  run_seq INTEGER NOT NULL,
  context TEXT,
  raw TEXT,
  UNIQUE (integration_id, entity_type, record_key)
);

-- A sweep under way: what it has seen, a bit for each seq, 8,192 to a chunk. It outlives the run: a sweep may be resumed.
CREATE TABLE sweeps (
  seq INTEGER PRIMARY KEY,
  integration_id TEXT NOT NULL REFERENCES integrations(id),
  stream TEXT NOT NULL,
  started_ms INTEGER NOT NULL,
  run_seq INTEGER NOT NULL,   -- the run that began it: what this or a later run wrote was seen
  first_seq INTEGER NOT NULL, -- rows above it were made since
  UNIQUE (integration_id, stream)
);
CREATE TABLE sweep_bits (
  sweep_seq INTEGER NOT NULL REFERENCES sweeps(seq) ON DELETE CASCADE,
  chunk INTEGER NOT NULL,
  bits BLOB NOT NULL,
  PRIMARY KEY (sweep_seq, chunk)
) WITHOUT ROWID;

CREATE TABLE generations (
  seq INTEGER PRIMARY KEY,
  hash TEXT NOT NULL UNIQUE,
  state TEXT,
  error TEXT,
  created_at TEXT NOT NULL,
  files TEXT
);
CREATE TABLE blobs (seq INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, bytes BLOB NOT NULL);
CREATE TABLE plans (
  seq INTEGER PRIMARY KEY,
  type TEXT NOT NULL,
  entity TEXT NOT NULL,
  hash TEXT NOT NULL,
  created_at TEXT NOT NULL,
  UNIQUE (type, entity, hash)
);
CREATE TABLE wanted_sets (seq INTEGER PRIMARY KEY, wanted TEXT NOT NULL UNIQUE, created_at TEXT NOT NULL);
CREATE TABLE discovered (
  integration_id TEXT NOT NULL REFERENCES integrations(id),
  stream TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  fields TEXT NOT NULL,
  PRIMARY KEY (integration_id, stream)
);
CREATE TABLE rates (account TEXT PRIMARY KEY, updated_at TEXT NOT NULL, state TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE etags (
  seq INTEGER PRIMARY KEY,
  integration_id TEXT NOT NULL REFERENCES integrations(id),
  url TEXT NOT NULL,
  etag TEXT NOT NULL,
  UNIQUE (integration_id, url)
);
CREATE TABLE views (name TEXT PRIMARY KEY) WITHOUT ROWID; -- the views that we made and may replace
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
