-- A document of any shape: its revision, and all that it holds. A copy of this file that names the members of your documents makes columns of them.
return mapping "doc" {
  from = "couchdb.doc",
  key  = id "_id",

  fields = {
    revision = text "_rev",
    content  = json "",
  },

  examples = {
    { given = [[{"_id":"a","_rev":"1-x","name":"Ada"}]], gives = { revision = "1-x" } },
  },
}
