-- A link from a contact to a company. Both ends are its key; a link with several labels is one row.
return mapping "contact_company" {
  from = "hubspot.contact_company",
  key  = id { "parent:from.id", "toObjectId" } { join = ":" },

  fields = {
    contact = id   "parent:from.id",
    company = id   "toObjectId", -- a number in some replies, a text in others
    types   = list "associationTypes[].typeId",
    labels  = list "associationTypes[].label",
  },
}
