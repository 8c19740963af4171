-- What `make bench` maps a contact with: twelve fields in the style of the shipped mapping, two of them by functions of the user.

local function digits(number) return (number:gsub("[^%d+]", "")) end

-- Not called when the first value is null: a contact without a first name has no full name here.
local function full(first, last) return last and first .. " " .. last or first end

return mapping "contact" {
  from = "hubspot.contact",
  key  = id "id",

  fields = {
    email     = email    "properties.email" { on_error = "null" },
    firstName = text     "properties.firstname" { max = 80 },
    lastName  = text     "properties.lastname" { max = 80 },
    fullName  = text     { "properties.firstname", "properties.lastname" } { transform = full },
    phone     = text     "properties.phone" { transform = digits },
    company   = text     "properties.company",
    jobTitle  = text     "properties.jobtitle",
    stage     = text     "properties.lifecyclestage" { default = "none" },
    revenue   = decimal  "properties.annualrevenue" { on_error = "null" },
    employees = integer  "properties.num_employees" { min = 1 },
    optedOut  = boolean  "properties.hs_email_optout" { default = false },
    createdAt = datetime "properties.createdate" { on_error = "null" },
  },
}
