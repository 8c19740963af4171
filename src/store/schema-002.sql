-- Schema 2: what trust needs: tokens that are refreshed ahead, drift of the API's fields, where a row came from, deletions that wait for a yes.

-- what is known of the token in `credentials`, without a secret: {"obtainedMs","expiresMs","grant","tokenUrl",…}
ALTER TABLE integrations ADD COLUMN token TEXT;
