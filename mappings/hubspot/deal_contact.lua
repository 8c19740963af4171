-- A link from a deal to a contact. Both ends are its key; a link with several labels is one row.
return mapping "deal_contact" {
  from = "hubspot.deal_contact",
  key  = id { "parent:from.id", "toObjectId" } { join = ":" },

  fields = {
    deal = id   "parent:from.id",
    contact = id   "toObjectId", -- a number in some replies, a text in others
    types   = list "associationTypes[].typeId",
    labels  = list "associationTypes[].label",
  },
}
