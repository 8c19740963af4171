-- CouchDB 2 and later, and what speaks as it does (PouchDB Server): the documents of one database, by its feed of changes. Deletions are part of
-- the feed, so nothing is listed twice to find them. Of conflicting revisions the feed carries the one that CouchDB itself shows.

local database = setting "database"

-- The feed from the beginning is the whole database: each document once, at its latest change. `last_seq` is opaque and given back as it came.
local feed = get("/" .. database .. "/_changes") {
  query   = { since = since { default = "0" }, limit = 200, include_docs = true },
  records = "results",
  record  = "doc", -- for a deletion it is { _id, _rev, _deleted }
  removed = "_deleted",
  since   = "last_seq",
  pages   = { "again", most = 200 },
}

return connector "couchdb" {
  title         = "CouchDB",
  category      = "Database",
  description   = "The documents of a CouchDB or PouchDB database",
  documentation = "https://docs.couchdb.org/en/stable/api/database/changes.html",

  settings = {
    url  "server"   { required = true, description = "its address: https://couch.example.org" },
    text "database" { required = true, description = "the database's name" },
    text "user"     { required = true, description = "the user that the password belongs to" },
  },
  base = setting "server",
  auth = basic "password" { user = setting "user" },

  rates  = { default = "50/s" }, -- CouchDB has none
  reason = { "reason", "error" },
  check  = get("/" .. database) { records = "" },

  on = {
    [401] = { "reconnect", say = "CouchDB does not know this user with this password" },
    [404] = { "stop", say = "there is no such database" },
  },

  streams = {
    -- A database that was deleted and made again counts from one again, and its feed does not say so: a place in the old one is beyond all that the
    -- new one has. Once a day the feed is read from its beginning, which finds what is new and what is gone.
    stream "doc" { key = "_id", full = feed, changes = feed, sweep = "1d" },
  },
}
