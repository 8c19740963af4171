-- A HubSpot company.
return mapping "company" {
  from = "hubspot.company",
  key  = id "id",

  fields = {
    name      = text     "properties.name",
    domain    = text     "properties.domain" { case = "lower" },
    website   = url      "properties.website" { on_error = "null" },
    phone     = text     "properties.phone",
    industry  = choice   "properties.industry" { labels = true },
    stage     = choice   "properties.lifecyclestage" { labels = true, otherwise = "Other" },
    employees = integer  "properties.numberofemployees" { min = 0, on_error = "null" },
    revenue   = decimal  "properties.annualrevenue",
    owner     = id       "properties.hubspot_owner_id",
    createdAt = datetime { "properties.createdate", "createdAt" },
    updatedAt = datetime { "properties.hs_lastmodifieddate", "updatedAt" },
    address   = { street = text "properties.address", city = text "properties.city", zip = text "properties.zip", country = text "properties.country" },
    custom    = rest     "properties" { except = { "hs_*" } },
  },

  rules = {
    rule { "name", "domain" } { need = "any", reject = "a company with neither name nor domain" },
  },

  examples = {
    {
      given = [[{"id":"1","properties":{"name":"Lua & Co","domain":"LUA.example","numberofemployees":"12","annualrevenue":"1200000.50"}}]],
      gives = { name = "Lua & Co", domain = "lua.example", employees = 12, revenue = 1200000.50 },
    },
    { given = [[{"id":"2","properties":{"name":null,"domain":""}}]], rejects = { name = "rule" } },
  },
}
