-- A link from a deal to a company. Both ends are its key; a link with several labels is one row.
return mapping "deal_company" {
  from = "hubspot.deal_company",
  key  = id { "parent:from.id", "toObjectId" } { join = ":" }, -- HubSpot sends toObjectId as a number here and as a text there

  fields = {
    deal = id "parent:from.id",
    company = id "toObjectId",
    types = list "associationTypes[].typeId",
    labels = list "associationTypes[].label", -- none for links without a label
  },

  examples = { -- the near end stands around the list of links, not in the record: without it there is no key
    { given = [[{"toObjectId":5,"associationTypes":[{"category":"HUBSPOT_DEFINED","typeId":279,"label":null}]}]], rejects = { key = "required" } },
  },
}
