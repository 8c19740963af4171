-- Schema 3: what a process that stays needs.

-- when and how an integration is synced by itself, as a JSON object: {"when","zone","streams":{"deal":"every 1h"},"overlap","priority","jitter","quiet","catchUp","timeout"}
ALTER TABLE integrations ADD COLUMN schedule TEXT;
