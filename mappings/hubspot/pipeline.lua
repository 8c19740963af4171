-- A pipeline of deals; its stages stay together as HubSpot sends them.
return mapping "pipeline" {
  from = "hubspot.pipeline",
  key  = id "id",

  fields = {
    label     = text     "label" { required = true },
    position  = integer  "displayOrder",
    stageIds  = list     "stages[].id",
    stages    = json     "stages",
    archived  = boolean  "archived" { default = false },
    createdAt = datetime "createdAt",
    updatedAt = datetime "updatedAt",
  },

  examples = {
    {
      given = [[{"id":"default","label":"Sales","displayOrder":0,"stages":[{"id":"closedwon","metadata":{"probability":"1.0"}}]}]],
      gives = { label = "Sales", position = 0, stageIds = { "closedwon" } },
    },
  },
}
