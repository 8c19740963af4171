-- Schema 2: what trust needs: tokens that are refreshed ahead, drift of the API's fields, where a row came from, deletions that wait for a yes.

-- what is known of the token in `credentials`, without a secret: {"grant","clientAuth","tokenUrl","scope","audience","subject": how another is got;
-- "obtainedMs","lifeMs": its life (no lifeMs: unknown); "refreshing": since when one is asked for, taken away with the answer}
ALTER TABLE integrations ADD COLUMN token TEXT;
