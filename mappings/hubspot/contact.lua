-- A HubSpot contact. Rejects those with a wrong e-mail address and those that nobody could reach.

-- Keeps digits; a number without its country's code is no use to anybody.
local function e164(number, country)
  local digits = number:gsub("[^%d+]", "")
  if digits:sub(1, 1) == "+" then return digits end
  return nil, "no country to complete " .. number .. (country and " in " .. country or "")
end

return mapping "contact" {
  from = "hubspot.contact",
  key  = id "id",

  fields = {
    email     = email    "properties.email",
    firstName = text     "properties.firstname" { max = 80 },
    lastName  = text     "properties.lastname" { max = 80 },
    fullName  = text     { "properties.firstname", "properties.lastname" } { join = " " },
    phone     = phone    { "properties.phone", "properties.country" } { transform = e164, on_error = "null" },
    jobTitle  = text     "properties.jobtitle",
    company   = text     "properties.company",
    stage     = choice   "properties.lifecyclestage" { labels = true, otherwise = "Other" },
    owner     = id       "properties.hubspot_owner_id",
    revenue   = decimal  "properties.annualrevenue" { default = 0, validate = function(value) return value >= 0, "negative" end },
    optedOut  = boolean  "properties.hs_email_optout" { default = false },
    createdAt = datetime { "properties.createdate", "createdAt" },
    updatedAt = datetime { "properties.lastmodifieddate", "updatedAt" },
    address   = { street = text "properties.address", city = text "properties.city", country = text "properties.country" },
    custom    = rest     "properties" { except = { "hs_*" } }, -- whatever no field names, the account's own properties first of all
  },

  rules = {
    rule { "email", "phone" } { need = "any", reject = "no way to reach this contact" },
    rule "email" { need = "unique", warn = "two contacts share this address" },
  },

  examples = {
    {
      given = [[{"id":"1","properties":{"email":" Ana@Example.com ","firstname":"Ana","lastname":"Sá","annualrevenue":null}}]],
      gives = { email = "ana@example.com", fullName = "Ana Sá", revenue = 0, phone = null, optedOut = false },
    },
    { given = [[{"id":"2","properties":{"email":"nobody"}}]], rejects = { email = "type" } },
    { given = [[{"id":"3","properties":{"firstname":"Rui","phone":"21 000 00 00"}}]], rejects = { email = "rule" } },
    { given = [[{"id":"4","properties":{"phone":"+351 21 000 00 00"}}]], gives = { phone = "+351210000000", email = null } },
    { given = [[{"id":"5","properties":{"email":"a@b.pt","annualrevenue":"-1"}}]], rejects = { revenue = "validate" } },
    { given = [[{"id":"6","properties":{"email":"a@b.pt","favourite_moon":"Io"}}]], gives = { custom = { favourite_moon = "Io" } } },
  },
}
