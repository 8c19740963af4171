-- A HubSpot deal. Amounts stay exact decimals, in the deal's currency or the account's.
return mapping "deal" {
  from = "hubspot.deal",
  key  = id "id",

  fields = {
    name      = text     "properties.dealname" { required = true },
    amount    = decimal  "properties.amount",
    currency  = text     { "properties.deal_currency_code", "setting:currency" },
    pipeline  = text     "properties.pipeline",
    stage     = text     "properties.dealstage",
    kind      = choice   "properties.dealtype" { labels = true },
    owner     = id       "properties.hubspot_owner_id",
    closesAt  = datetime "properties.closedate",
    createdAt = datetime { "properties.createdate", "createdAt" },
    updatedAt = datetime { "properties.hs_lastmodifieddate", "updatedAt" },
    custom    = rest     "properties" { except = { "hs_*" } },
  },

  examples = {
    {
      given = [[{"id":"1","properties":{"dealname":"Ten moons","amount":"1050.10","dealstage":"closedwon","deal_currency_code":"EUR"}}]],
      gives = { name = "Ten moons", amount = 1050.10, stage = "closedwon", currency = "EUR" },
    },
    { given = [[{"id":"2","properties":{"amount":"5"}}]], rejects = { name = "required" } },
    { given = [[{"id":"3","properties":{"dealname":"?","amount":"much"}}]], rejects = { amount = "type" } },
  },
}
