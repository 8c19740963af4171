-- A link from a deal to a company. Both ends are its key; a link with several labels is one row.
return mapping "deal_company" {
  from = "hubspot.deal_company",
  key  = id { "parent:from.id", "toObjectId" } { join = ":" },

  fields = {
    deal = id   "parent:from.id",
    company = id   "toObjectId", -- a number in some replies, a text in others
    types   = list "associationTypes[].typeId",
    labels  = list "associationTypes[].label",
  },
}
