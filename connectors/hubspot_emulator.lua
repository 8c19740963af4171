-- Plays HubSpot on loopback, for demos, tests and trying mappings without an account: perilune emulate hubspot
-- Lists, search, batches, single records, merges, properties, owners, pipelines, custom objects, associations, OAuth, webhooks; both path
-- families; names and ids of types alike. The core serves, checks tokens and limits and breaks things on purpose; this file answers.
-- How emulators are written: docs/emulators.md

local portal, app = 4242, 77
local host = "https://api.hubapi.com" -- HubSpot's links name its own host, wherever they are read

local function some(list) -- an empty table would be written as {}
  return #list > 0 and list or decode "[]"
end

-- ---- what the account looks like ----

-- A line for each property: name type/fieldType flags. Flags: ro read-only, uniq, hidden, ext (its options live elsewhere, so values are not checked),
-- custom (made by the account), =a|b|c options, >TYPE refers to.
local contact_properties = [[
address string/text
annualrevenue string/text
associatedcompanyid number/number >COMPANY
city string/text
closedate datetime/date
company string/text
country string/text
createdate datetime/date ro
date_of_birth string/text
email string/text uniq
fax string/phonenumber
favourite_colour string/text custom
firstname string/text
hs_additional_emails enumeration/select ext uniq
hs_createdate datetime/date ro hidden
hs_email_optout bool/booleancheckbox ro =true|false
hs_language enumeration/select =de|en|es|fr|ja|pt|uk
hs_lastmodifieddate datetime/date ro hidden
hs_lead_status enumeration/radio =NEW|OPEN|IN_PROGRESS|OPEN_DEAL|UNQUALIFIED|ATTEMPTED_TO_CONTACT|CONNECTED|BAD_TIMING
hs_merged_object_ids enumeration/checkbox ro ext
hs_object_id number/number ro
hs_object_source string/text ro hidden
hs_object_source_label enumeration/select ro ext
hs_timezone enumeration/select ext
hubspot_owner_id enumeration/select ext >OWNER
industry string/text
interests enumeration/checkbox custom =chess|hiking|music|sailing|tea
jobtitle string/text
lastmodifieddate datetime/date ro
lastname string/text
lifecyclestage enumeration/radio ext =subscriber|lead|marketingqualifiedlead|salesqualifiedlead|opportunity|customer|evangelist|other
loyalty_points number/number custom
member_since date/date custom
mobilephone string/phonenumber
newsletter bool/booleancheckbox custom =true|false
num_associated_deals number/calculation_rollup ro
numemployees enumeration/select =1-5|5-25|25-50|50-100|100-500|500-1000|1000+
phone string/phonenumber
recent_deal_amount number/number ro
salutation string/text
state string/text
total_revenue number/number ro
website string/text
zip string/text]]
local company_properties = [[
address string/text
annualrevenue number/number
city string/text
country string/text
createdate datetime/date ro
description string/textarea
domain string/text
hs_createdate datetime/date ro hidden
hs_lastmodifieddate datetime/date ro
hs_merged_object_ids enumeration/checkbox ro ext
hs_object_id number/number ro
hs_object_source string/text ro hidden
hs_parent_company_id number/number ro >COMPANY
hubspot_owner_id enumeration/select ext >OWNER
industry enumeration/select =ACCOUNTING|BANKING|COMPUTER_SOFTWARE|CONSTRUCTION|FOOD_PRODUCTION|LOGISTICS_AND_SUPPLY_CHAIN|RETAIL
lifecyclestage enumeration/radio ext =subscriber|lead|marketingqualifiedlead|salesqualifiedlead|opportunity|customer|evangelist|other
name string/text
num_associated_contacts number/calculation_rollup ro
numberofemployees number/number
phone string/phonenumber
state string/text
tier enumeration/select custom =gold|silver|bronze
type enumeration/select =PROSPECT|PARTNER|RESELLER|VENDOR|OTHER
website string/text
zip string/text]]
local deal_properties = [[
amount number/number
amount_in_home_currency number/calculation_equation ro
closedate datetime/date
createdate datetime/date ro
deal_currency_code enumeration/select =EUR|USD|GBP|JPY
dealname string/text
dealstage enumeration/radio ext =appointmentscheduled|qualifiedtobuy|presentationscheduled|decisionmakerboughtin|contractsent|closedwon|closedlost
dealtype enumeration/radio =newbusiness|existingbusiness
description string/textarea
hs_closed_amount number/calculation_equation ro
hs_createdate datetime/date ro hidden
hs_deal_stage_probability number/number ro
hs_is_closed bool/booleancheckbox ro =true|false
hs_is_closed_won bool/booleancheckbox ro =true|false
hs_lastmodifieddate datetime/date ro
hs_merged_object_ids enumeration/checkbox ro ext
hs_object_id number/number ro
hs_object_source string/text ro hidden
hubspot_owner_id enumeration/select ext >OWNER
pipeline enumeration/select ext =default
renewal_date date/date custom
risk_score number/number custom]]
local ticket_properties = [[
content string/textarea
createdate datetime/date ro
hs_createdate datetime/date ro hidden
hs_lastmodifieddate datetime/date ro
hs_merged_object_ids enumeration/checkbox ro ext
hs_object_id number/number ro
hs_object_source string/text ro hidden
hs_pipeline enumeration/select ext =0
hs_pipeline_stage enumeration/select ext =1|2|3|4
hs_ticket_category enumeration/checkbox =PRODUCT_ISSUE|BILLING_ISSUE|FEATURE_REQUEST|GENERAL_INQUIRY
hs_ticket_priority enumeration/select =LOW|MEDIUM|HIGH|URGENT
hubspot_owner_id enumeration/select ext >OWNER
subject string/text]]
local car_properties = [[
colour enumeration/select custom =red|green|blue|black
hs_createdate datetime/date ro hidden
createdate datetime/date ro
hs_lastmodifieddate datetime/date ro
hs_merged_object_ids enumeration/checkbox ro ext
hs_object_id number/number ro
hs_object_source string/text ro hidden
mileage number/number custom
model string/text custom
vin string/text custom uniq]]

local kinds = {
  contact = {
    id = "0-1", plural = "contacts", first = 1000, modified = "lastmodifieddate", lines = contact_properties,
    shown = { "createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname" }, any = { "email", "firstname", "lastname" },
    text = { "firstname", "lastname", "email", "phone", "hs_additional_emails", "fax", "mobilephone", "company" },
  },
  company = {
    id = "0-2", plural = "companies", first = 1000000000, modified = "hs_lastmodifieddate", lines = company_properties,
    shown = { "createdate", "domain", "hs_lastmodifieddate", "hs_object_id", "name" }, any = { "name", "domain" },
    text = { "website", "phone", "name", "domain" },
  },
  deal = {
    id = "0-3", plural = "deals", first = 2000000000, modified = "hs_lastmodifieddate", lines = deal_properties,
    shown = { "amount", "closedate", "createdate", "dealname", "dealstage", "hs_lastmodifieddate", "hs_object_id", "pipeline" },
    all = { "dealname", "dealstage" }, text = { "dealname", "pipeline", "dealstage", "description", "dealtype" },
  },
  ticket = {
    id = "0-5", plural = "tickets", first = 4000000000, modified = "hs_lastmodifieddate", lines = ticket_properties,
    shown = { "content", "createdate", "hs_lastmodifieddate", "hs_object_id", "hs_pipeline", "hs_pipeline_stage", "hs_ticket_category", "hs_ticket_priority", "subject" },
    all = { "subject", "hs_pipeline_stage" }, text = { "subject", "content", "hs_pipeline_stage", "hs_ticket_category" },
  },
  car = {
    id = "2-7654321", plural = "cars", first = 3000000000, modified = "hs_lastmodifieddate", lines = car_properties,
    shown = { "createdate", "hs_lastmodifieddate", "hs_object_id" }, all = { "model" }, text = { "model", "vin" },
  },
}
local kind_of = { p_car = "car", ["p" .. portal .. "_car"] = "car" } -- what a path may call them

local function label_of(name)
  return (name:gsub("^hs_", ""):gsub("_", " "):gsub("^%l", string.upper))
end

local function options_of(text)
  local list, names = {}, {}
  for value in text:gmatch("[^|]+") do
    list[#list + 1] = { label = label_of(value:lower()), value = value, displayOrder = #list, hidden = false, description = "" }
    names[value] = true
  end
  return list, names
end

for name, kind in pairs(kinds) do
  kind.name, kind.upper, kind.property = name, name:upper(), {}
  kind_of[name], kind_of[kind.plural], kind_of[kind.id] = name, name, name
  for line in kind.lines:gmatch("[^\n]+") do
    local p = { label = "", options = decode "[]", flags = {} }
    for part in line:gmatch("%S+") do
      if not p.name then p.name = part
      elseif not p.type then p.type, p.fieldType = part:match("(.-)/(.*)")
      elseif part:sub(1, 1) == "=" then p.options, p.allowed = options_of(part:sub(2))
      elseif part:sub(1, 1) == ">" then p.refers = part:sub(2)
      else p.flags[part] = true
      end
    end
    p.label = label_of(p.name)
    kind.property[p.name] = p
  end
  kind.text_paths = {}
  for i, field in ipairs(kind.text) do kind.text_paths[i] = "properties." .. field end
end

local function iso(ms) -- as Java writes an Instant: no fraction when it is zero
  local seconds, rest = ms // 1000, ms % 1000
  return os.date("!%Y-%m-%dT%H:%M:%S", seconds) .. (rest == 0 and "Z" or string.format(".%03dZ", rest))
end

local function ms_of(text) -- ISO or milliseconds
  if text:match("^%-?%d+$") then return math.tointeger(tonumber(text)) end
  local y, m, d, h, min, s, frac = text:match("^(%d%d%d%d)-(%d%d)-(%d%d)T(%d%d):(%d%d):?(%d*)%.?(%d*)Z$")
  if not y then
    y, m, d = text:match("^(%d%d%d%d)-(%d%d)-(%d%d)$")
    h, min, s, frac = 0, 0, 0, ""
  end
  if not y or tonumber(m) > 12 or tonumber(d) > 31 then return nil end
  local at = os.time { year = tonumber(y), month = tonumber(m), day = tonumber(d), hour = tonumber(h), min = tonumber(min), sec = tonumber(s) or 0 }
  return at * 1000 + (tonumber((frac .. "000"):sub(1, 3)) or 0)
end

-- ---- how its records are made ----

-- Associations of the seed: contact n works at company (n-1)%C+1 (nine in ten do); deal d belongs to contact (d-1)*k+1 and to company (d-1)%C+1.
local function company_of_contact(n, counts)
  if counts.company > 0 and n % 10 ~= 0 then return (n - 1) % counts.company + 1 end
end
local function contact_of_deal(d, counts)
  local k = math.max(1, counts.contact // math.max(1, counts.deal))
  local n = (d - 1) * k + 1
  if n <= counts.contact then return n end
end
local function id_of(kind, n)
  return tostring(kinds[kind].first + n)
end

local function record(kind, n, created, modified, properties, links)
  local k, id = kinds[kind], id_of(kind, n)
  properties.createdate, properties.hs_createdate = created, created
  properties.hs_lastmodifieddate = modified
  properties[k.modified] = modified
  properties.hs_object_id = id
  properties.hs_object_source = properties.hs_object_source or "CRM_UI"
  return {
    id = id, properties = properties, createdAt = created, updatedAt = modified, archived = false,
    url = "https://app.hubspot.com/contacts/" .. portal .. "/record/" .. k.id .. "/" .. id, links = links,
  }
end

local function two_stamps(random)
  local a, b = random.stamp(), random.stamp()
  local first, second = a, b
  if ms_of(a) > ms_of(b) then first, second = b, a end
  return first, second
end

local function make_contact(n, random, counts)
  local created, modified = two_stamps(random)
  local first, last, city, country = random.name(), random.family(), random.city()
  local email, phone = random.email(tostring(n)), random.chance(0.7) and random.phone() or nil
  local links, c = {}, company_of_contact(n, counts)
  if n % 50 == 13 then email = random.pick { "nobody", "no at sign.example.com", "two@@example.com", "space in@example.com", "@example.com", "dot.@" } end
  if n % 25 == 7 then email, phone = nil, "+49 30 " .. random.integer(1000000, 9999999) end
  if n % 100 == 37 then email, phone = nil, nil end
  if c then links.company = { [id_of("company", c)] = n % 3 == 0 and { 279, 1 } or { 279 } } end
  if n % 211 == 5 and links.company then links.company[id_of("company", c)] = { 279, 1, 36 } end
  local k = math.max(1, counts.contact // math.max(1, counts.deal))
  local d = (n - 1) % k == 0 and (n - 1) // k + 1 or 0
  if d > 0 and d <= counts.deal then links.deal = { [id_of("deal", d)] = { 4 } } end
  return record("contact", n, created, modified, {
    address = random.street(), annualrevenue = random.chance(0.3) and random.decimal(0, 900000) or nil,
    associatedcompanyid = c and id_of("company", c) or nil, city = city, country = country, company = random.chance(0.6) and random.company() or nil,
    closedate = random.chance(0.2) and random.stamp() or nil, date_of_birth = random.chance(0.3) and random.date() or nil, email = email,
    fax = random.chance(0.05) and random.phone() or nil, favourite_colour = random.chance(0.4) and random.pick { "red", "grün", "青", "\"none\"", "" } or nil,
    firstname = n % 97 == 3 and "" or first, lastname = n % 89 == 3 and random.sentence(3) or last, hs_email_optout = random.chance(0.1) and "true" or nil,
    hs_additional_emails = n % 143 == 11 and ("also" .. n .. "@example.net;more" .. n .. "@example.net") or nil,
    hs_language = random.pick { "de", "en", "es", "fr", "ja", "pt", "uk" }, hs_timezone = random.pick { "europe_slash_berlin", "us_slash_eastern", "asia_slash_tokyo" },
    hs_lead_status = random.chance(0.5) and random.pick { "NEW", "OPEN", "IN_PROGRESS", "CONNECTED", "BAD_TIMING" } or nil,
    hs_merged_object_ids = n % 199 == 17 and (900000000 + n * 10) .. ";" .. (900000001 + n * 10) or nil,
    hs_object_source_label = "IMPORT", hubspot_owner_id = random.chance(0.8) and tostring(500 + random.integer(1, 120)) or nil,
    industry = random.chance(0.4) and random.word() or nil, interests = random.chance(0.2) and random.pick { "tea", "chess;tea", "hiking;music;sailing" } or nil,
    jobtitle = random.chance(0.7) and random.job() or nil,
    lifecyclestage = random.pick { "subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity", "customer", "evangelist", "other" },
    loyalty_points = random.chance(0.5) and tostring(random.integer(0, 100000)) or nil, member_since = random.chance(0.3) and random.date() or nil,
    mobilephone = random.chance(0.3) and random.phone() or nil, newsletter = random.pick { "true", "false" }, num_associated_deals = links.deal and "1" or nil,
    numemployees = random.chance(0.2) and "25-50" or nil, phone = phone,
    recent_deal_amount = links.deal and "0.200000000000000011102230246251565404236316680908203125" or nil, salutation = random.chance(0.1) and "Dr." or nil,
    state = random.chance(0.2) and random.word() or nil, total_revenue = random.chance(0.1) and random.decimal(0, 10000000) or nil,
    website = random.chance(0.3) and "https://" .. random.domain() .. "/?a=1&b=2" or nil, zip = tostring(random.integer(1000, 99999)),
  }, links)
end

local function make_company(n, random, counts)
  local created, modified = two_stamps(random)
  local city, country = random.city()
  local links, people = {}, 0
  for c = n, counts.contact, math.max(1, counts.company) do
    if company_of_contact(c, counts) == n and people < 500 then
      links.contact = links.contact or {}
      links.contact[id_of("contact", c)] = c % 3 == 0 and { 280, 2 } or { 280 }
      people = people + 1
    end
  end
  for d = n, math.min(counts.deal, n + 500 * counts.company), math.max(1, counts.company) do
    links.deal = links.deal or {}
    links.deal[id_of("deal", d)] = { 342, 6 }
  end
  return record("company", n, created, modified, {
    address = random.street(), annualrevenue = random.chance(0.6) and random.decimal(10000, 900000000) or nil, city = city, country = country,
    description = random.chance(0.5) and random.sentence(12) or nil, domain = random.domain(), hubspot_owner_id = tostring(500 + random.integer(1, 120)),
    industry = random.pick { "ACCOUNTING", "BANKING", "COMPUTER_SOFTWARE", "CONSTRUCTION", "FOOD_PRODUCTION", "RETAIL" },
    lifecyclestage = random.pick { "lead", "opportunity", "customer" }, name = random.company(), num_associated_contacts = tostring(people),
    numberofemployees = tostring(random.integer(1, 20000)), phone = random.chance(0.8) and random.phone() or nil,
    tier = random.chance(0.5) and random.pick { "gold", "silver", "bronze" } or nil, type = random.pick { "PROSPECT", "PARTNER", "VENDOR", "OTHER" },
    website = "https://" .. random.domain(), zip = tostring(random.integer(1000, 99999)),
  }, links)
end

local probability = { appointmentscheduled = "0.2", qualifiedtobuy = "0.4", presentationscheduled = "0.6", decisionmakerboughtin = "0.8", contractsent = "0.9",
  closedwon = "1.0", closedlost = "0.0" }

local function make_deal(n, random, counts)
  local created, modified = two_stamps(random)
  local stage = random.pick { "appointmentscheduled", "qualifiedtobuy", "presentationscheduled", "decisionmakerboughtin", "contractsent", "closedwon", "closedlost" }
  local amount = random.chance(0.9) and random.decimal(100, 500000) or nil
  local contact, links = contact_of_deal(n, counts), {}
  if contact then links.contact = { [id_of("contact", contact)] = { 3 } } end
  if counts.company > 0 then links.company = { [id_of("company", (n - 1) % counts.company + 1)] = { 341, 5 } } end
  return record("deal", n, created, modified, {
    amount = amount, amount_in_home_currency = amount, closedate = random.stamp(), deal_currency_code = random.pick { "EUR", "USD", "GBP", "JPY" },
    dealname = random.company() .. " – " .. random.word(), dealstage = stage, dealtype = random.pick { "newbusiness", "existingbusiness" },
    description = random.chance(0.3) and random.sentence(8) or nil, hs_deal_stage_probability = probability[stage],
    hs_is_closed = tostring(stage:sub(1, 6) == "closed"), hs_is_closed_won = tostring(stage == "closedwon"),
    hubspot_owner_id = tostring(500 + random.integer(1, 120)), pipeline = "default", renewal_date = random.chance(0.3) and random.date() or nil,
    risk_score = random.chance(0.4) and random.decimal(0, 99, 1) or nil,
  }, links)
end

local function make_car(n, random)
  local created, modified = two_stamps(random)
  return record("car", n, created, modified, {
    colour = random.pick { "red", "green", "blue", "black" }, mileage = tostring(random.integer(0, 300000)), model = random.word() .. " " .. random.integer(1, 9),
    vin = string.format("VIN%08d", n),
  }, {})
end

local function make_owner(n, random)
  local first, last = random.name(), random.family()
  local stamp = random.stamp()
  return {
    id = tostring(500 + n), email = "owner" .. n .. "@example.com", type = n % 40 == 0 and "QUEUE" or "PERSON", firstName = first, lastName = last,
    userId = n % 40 == 0 and null or 9000 + n, userIdIncludingInactive = 9000 + n, createdAt = stamp, updatedAt = stamp, archived = false,
    teams = n % 3 == 0 and { { id = "1", name = "Sales", primary = true } } or nil,
  }
end

-- Something happens to a record: its stamps move, and a change changes what a person would see.
local function touch_of(kind)
  local modified = kinds[kind].modified
  return function(r, verb, at, random)
    local p, stamp = r.properties, iso(at)
    p[modified], p.hs_lastmodifieddate, r.updatedAt = stamp, stamp, stamp
    if verb == "create" then p.createdate, p.hs_createdate, r.createdAt = stamp, stamp, stamp end
    if verb == "archive" then r.archived, r.archivedAt = true, stamp end
    if verb == "restore" then r.archived, r.archivedAt = false, nil end
    if verb ~= "change" then return end
    if kind == "contact" then
      p.jobtitle, p.loyalty_points = random.job() .. " " .. random.integer(1, 999), tostring(random.integer(0, 100000))
    elseif kind == "deal" then
      p.amount = random.decimal(100, 500000)
    elseif kind == "company" then
      p.numberofemployees = tostring(random.integer(1, 20000))
    elseif kind == "car" then
      p.mileage = tostring((tonumber(p.mileage) or 0) + random.integer(1, 500))
    else
      p.content = random.sentence(4)
    end
  end
end

-- ---- replies ----

local function correlation(db)
  return { ["x-hubspot-correlation-id"] = db.random.uuid(), ["x-request-id"] = db.random.uuid() }
end

local function ok(db, body, status)
  return status or 200, body, correlation(db)
end

local function problem(db, status, category, message, more)
  local body = { status = "error", message = message, correlationId = db.random.uuid(), category = category }
  for k, v in pairs(more or {}) do body[k] = v end
  return status, body, { ["x-hubspot-correlation-id"] = body.correlationId }
end

local function invalid(db, message, more)
  return problem(db, 400, "VALIDATION_ERROR", message, more)
end

local function not_found(db)
  return problem(db, 404, "OBJECT_NOT_FOUND", "resource not found")
end

local function bad_json(db, what)
  return invalid(db, "Invalid input JSON on line 1, column 1: " .. what)
end

local function texts(value) -- "a,b", or the key repeated
  local list = {}
  local function add(text)
    for one in tostring(text):gmatch("[^,]+") do list[#list + 1] = one end
  end
  if type(value) == "table" then
    for _, each in ipairs(value) do add(each) end
  elseif value ~= nil then
    add(value)
  end
  return list
end

local function last_of(value) -- of a repeated key the last one counts
  if type(value) == "table" then return value[#value] end
  return value
end

-- ---- properties ----

local function property(db, kind, name)
  local made = db.state.made[kind.name]
  local p = made and made[name] or kind.property[name]
  local gone = db.state.gone[kind.name]
  if p and not (gone and gone[name]) then return p end
end

-- Which members and properties of a record a reply shows.
local function pick_of(db, kind, wanted, archived)
  local names = kind.shown
  if wanted and #wanted > 0 then
    names = { "createdate", kind.modified, "hs_object_id" }
    for _, name in ipairs(wanted) do
      if property(db, kind, name) then names[#names + 1] = name end
    end
  end
  return { id = true, properties = names, createdAt = true, updatedAt = true, archived = true, archivedAt = archived, url = true }
end

local whole = { id = true, properties = true, createdAt = true, updatedAt = true, archived = true, archivedAt = true, url = true }

local function property_object(kind, p, archived)
  local calculated = p.fieldType:sub(1, 11) == "calculation"
  return {
    name = p.name, label = p.label, type = p.type, fieldType = p.fieldType, description = p.description or "", groupName = p.groupName or kind.name .. "information",
    options = p.options, displayOrder = -1, calculated = calculated, externalOptions = p.flags.ext or false, hasUniqueValue = p.flags.uniq or false,
    hidden = p.flags.hidden or false, hubspotDefined = not p.flags.custom or nil, formField = not p.flags.ro, dataSensitivity = "non_sensitive",
    referencedObjectType = p.refers, archived = archived or false, createdAt = p.createdAt or "1970-01-01T00:00:00Z", updatedAt = p.updatedAt or "1970-01-01T00:00:00Z",
    modificationMetadata = { archivable = p.flags.custom or false, readOnlyDefinition = not p.flags.custom, readOnlyValue = p.flags.ro or false },
  }
end

local function all_properties(db, kind, archived)
  local names, list = {}, {}
  for name in pairs(kind.property) do names[#names + 1] = name end
  for name in pairs(db.state.made[kind.name] or {}) do if not kind.property[name] then names[#names + 1] = name end end
  table.sort(names)
  for _, name in ipairs(names) do
    local gone = (db.state.gone[kind.name] or {})[name]
    local p = (db.state.made[kind.name] or {})[name] or kind.property[name]
    if (gone and true or false) == archived then list[#list + 1] = property_object(kind, p, archived) end
  end
  return some(list)
end

local function kind_at(call, field)
  return kinds[kind_of[call.path[field or "type"]]]
end

local function unknown_kind(call, db, field)
  return problem(db, 404, "OBJECT_NOT_FOUND", "Unable to infer object type from: " .. tostring(call.path[field or "type"]))
end

local function denied(db, kind)
  if not db.state.denied[kind.name] then return false end
  local scope = "crm.objects." .. kind.plural .. ".read"
  return true, problem(db, 403, "MISSING_SCOPES",
    "This app hasn't been granted all required scopes to make this call. Read more about required scopes here: https://developers.hubspot.com/scopes.",
    { links = { scopes = "https://developers.hubspot.com/scopes" },
      errors = { { message = "One or more of the following scopes are required.", context = { requiredGranularScopes = { scope } } } } })
end

-- Wraps a handler that works on one kind of record.
local function of_kind(handler, field)
  return function(call, db)
    local kind = kind_at(call, field)
    if not kind then return unknown_kind(call, db, field) end
    local no, status, body, headers = denied(db, kind)
    if no then return status, body, headers end
    return handler(call, db, kind)
  end
end

-- Like of_kind, for calls that need a JSON object as their body.
local function with_body(handler, field)
  return of_kind(function(call, db, kind)
    if call.fault then return bad_json(db, call.fault) end
    if type(call.body) ~= "table" then return bad_json(db, "an object is expected") end
    return handler(call, db, kind)
  end, field)
end

local list_properties = of_kind(function(call, db, kind)
  return ok(db, { results = all_properties(db, kind, last_of(call.query.archived) == "true") })
end)

local get_property = of_kind(function(call, db, kind)
  local p = property(db, kind, call.path.name)
  if not p then return not_found(db) end
  return ok(db, property_object(kind, p))
end)

local function store_property(db, kind, p)
  db.state.made[kind.name] = db.state.made[kind.name] or {}
  db.state.made[kind.name][p.name] = p
end

local types = { string = true, number = true, bool = true, enumeration = true, date = true, datetime = true, phone_number = true }

local create_property = with_body(function(call, db, kind)
  local b = call.body
  for _, name in ipairs { "name", "label", "type", "fieldType", "groupName" } do
    if type(b[name]) ~= "string" or b[name] == "" then return bad_json(db, "Some required fields were not set: [" .. name .. "]") end
  end
  if not types[b.type] then return bad_json(db, "Cannot deserialize value of type PropertyType from String \"" .. b.type .. "\"") end
  if not b.name:match("^[a-z][a-z0-9_]*$") then return invalid(db, "Property name " .. b.name .. " is not valid") end
  if property(db, kind, b.name) then return problem(db, 409, "OBJECT_ALREADY_EXISTS", "A property named '" .. b.name .. "' already exists.") end
  local p = { name = b.name, label = b.label, type = b.type, fieldType = b.fieldType, groupName = b.groupName, description = b.description, options = b.options or decode "[]",
    flags = { custom = true, uniq = b.hasUniqueValue or nil, hidden = b.hidden or nil }, createdAt = iso(call.now), updatedAt = iso(call.now) }
  if b.type == "enumeration" then
    p.allowed = {}
    for _, option in ipairs(p.options) do p.allowed[option.value] = true end
  end
  if b.type == "bool" then p.allowed = { ["true"] = true, ["false"] = true } end
  store_property(db, kind, p)
  local gone = db.state.gone[kind.name]
  if gone then gone[b.name] = nil end
  return ok(db, property_object(kind, p), 201)
end)

local update_property = with_body(function(call, db, kind)
  local p = property(db, kind, call.path.name)
  if not p then return not_found(db) end
  local changed = {}
  for k, v in pairs(p) do changed[k] = v end
  for _, name in ipairs { "label", "description", "groupName", "options" } do changed[name] = call.body[name] or changed[name] end
  if call.body.options then
    changed.allowed = {}
    for _, option in ipairs(call.body.options) do changed.allowed[option.value] = true end
  end
  changed.updatedAt = iso(call.now)
  store_property(db, kind, changed)
  return ok(db, property_object(kind, changed))
end)

local archive_property = of_kind(function(call, db, kind)
  local p = property(db, kind, call.path.name)
  if p and not p.flags.custom then return invalid(db, "Property " .. p.name .. " is defined by HubSpot and cannot be archived") end
  if p then
    db.state.gone[kind.name] = db.state.gone[kind.name] or {}
    db.state.gone[kind.name][p.name] = true
  end
  return ok(db, nil, 204)
end)

local read_properties = with_body(function(call, db, kind)
  local results, missing = {}, {}
  for _, input in ipairs(call.body.inputs or {}) do
    local p = property(db, kind, tostring(input.name))
    if p then results[#results + 1] = property_object(kind, p) else missing[#missing + 1] = tostring(input.name) end
  end
  local body = { status = "COMPLETE", results = some(results), startedAt = iso(call.now), completedAt = iso(call.now) }
  if #missing == 0 then return ok(db, body) end
  body.numErrors, body.errors = 1, { { status = "error", category = "OBJECT_NOT_FOUND", message = "Could not get some properties", context = { names = missing } } }
  return ok(db, body, 207)
end)

local property_groups = of_kind(function(_, db, kind)
  return ok(db, { results = { { name = kind.name .. "information", label = label_of(kind.name) .. " information", displayOrder = 0, archived = false } } })
end)

-- ---- values on their way in ----

local stages = { subscriber = 1, lead = 2, marketingqualifiedlead = 3, salesqualifiedlead = 4, opportunity = 5, customer = 6, evangelist = 7, other = 8 }

-- The text that is stored for a value; nil and code, message when it does not fit.
local function value_for(p, value)
  if value == null or value == nil or value == "" then return "" end
  local text = tostring(value)
  if type(value) == "table" then return nil, "INVALID_STRING", "a text is expected" end
  if p.name == "email" then
    if not text:match("^[^%s@]+@[^%s@]+%.[^%s@.]+$") then return nil, "INVALID_EMAIL", "Email address " .. text .. " is invalid" end
    return text:lower()
  elseif p.type == "number" then
    if not tonumber(text) or text:find("[xXnN]") then return nil, "INVALID_INTEGER", text .. " was not a valid number." end
    return text:match("^%-?%d+%.0$") and text:sub(1, -3) or text
  elseif p.type == "bool" then
    if text ~= "true" and text ~= "false" then return nil, "INVALID_OPTION", text .. " was not one of the allowed options: [true, false]" end
  elseif p.type == "date" or p.type == "datetime" then
    local ms = ms_of(text)
    if not ms then return nil, p.type == "date" and "INVALID_DATE" or "INVALID_LONG", text .. " was not a valid long." end
    if p.type == "datetime" then return iso(ms) end
    if ms % 86400000 ~= 0 then return nil, "INVALID_DATE", text .. " is not at midnight UTC" end
    return iso(ms):sub(1, 10)
  elseif p.type == "enumeration" and p.allowed and not (p.flags.ext and p.name ~= "lifecyclestage" and p.name ~= "dealstage") then
    for one in text:gmatch(p.fieldType == "checkbox" and "[^;]+" or ".+") do
      if not p.allowed[one] then
        local names = {}
        for _, option in ipairs(p.options) do names[#names + 1] = option.value end
        return nil, "INVALID_OPTION", one .. " was not one of the allowed options: [" .. table.concat(names, ", ") .. "]"
      end
    end
  elseif #text > 65536 then
    return nil, "INVALID_STRING", "the value is longer than 65536 characters"
  end
  return text
end

-- Checked values by name; nil and a reply when some are not valid.
local function values_for(db, kind, properties)
  local values, wrong, codes = {}, {}, {}
  if type(properties) ~= "table" then return nil, { bad_json(db, "properties: an object is expected") } end
  local names = {}
  for name in pairs(properties) do names[#names + 1] = tostring(name) end
  table.sort(names)
  for _, name in ipairs(names) do
    local p = property(db, kind, name)
    local text, code, message
    if not p then code, message = "PROPERTY_DOESNT_EXIST", 'Property "' .. name .. '" does not exist'
    elseif p.flags.ro then code, message = "READ_ONLY_VALUE", '"' .. name .. '" is a read only property; its value cannot be set.'
    else text, code, message = value_for(p, properties[name])
    end
    if text then values[name] = text
    else
      wrong[#wrong + 1] = { isValid = false, message = message, error = code, name = name, localizedErrorMessage = message, portalId = portal }
      codes[#codes + 1] = { message = message, code = code, context = { propertyName = { name } } }
    end
  end
  if #wrong == 0 then return values end
  return nil, { invalid(db, "Property values were not valid: " .. encode(wrong), { errors = codes }) }
end

-- ---- one record ----

-- The record's key: itself, or who absorbed it, or whose unique value it is.
local function key_for(db, kind, id, by)
  id = tostring(id)
  if by and by ~= "hs_object_id" then
    local p = property(db, kind, by)
    if not p or not p.flags.uniq then return nil, true end
    local key = db[kind.name]:find(id:lower())
    if key or kind.name == "contact" or kind.property[by] then return key end
    local _, total = nil, 0
    local found = db[kind.name]:search { where = { { { path = "properties." .. by, op = "EQ", value = id } } }, limit = 1, pick = { id = true } }
    local list = decode(encode(found))
    return list[1] and list[1].id, total > 1
  end
  if db[kind.name]:has(id) then return id end
  if db.state.absorbed[id] then return db.state.absorbed[id] end
  local n = kind.name == "contact" and #id <= 12 and math.tointeger(tonumber(id)) -- absorbed before the account came into being
  n = n and n >= 900000000 and (n - 900000000) // 10
  if n and n % 199 == 17 and (math.tointeger(tonumber(id)) - 900000000) % 10 < 2 and db.contact:has(id_of("contact", n)) then return id_of("contact", n) end
end

local labels_of = { [1] = "Primary", [2] = "Primary", [5] = "Primary", [6] = "Primary", [36] = "Billing contact", [37] = "Billing contact" }
local unlabelled = { contact = { company = 279, deal = 4, ticket = 15, contact = 449 }, company = { contact = 280, deal = 342, ticket = 340, company = 450 },
  deal = { contact = 3, company = 341, ticket = 27, deal = 451 }, ticket = { contact = 16, company = 339, deal = 28, ticket = 452 } }
local inverse = { [279] = 280, [280] = 279, [1] = 2, [2] = 1, [3] = 4, [4] = 3, [341] = 342, [342] = 341, [5] = 6, [6] = 5, [36] = 37, [37] = 36, [15] = 16, [16] = 15,
  [339] = 340, [340] = 339, [27] = 28, [28] = 27, [449] = 449, [450] = 450, [451] = 451, [452] = 452 }

local function plain_type(from, to)
  return (unlabelled[from.name] or {})[to.name] or 100
end

local function sorted_ids(set)
  local ids = {}
  for id in pairs(set or {}) do ids[#ids + 1] = id end
  table.sort(ids, function(a, b) return #a == #b and a < b or #a < #b end)
  return ids
end

-- The `associations` member of a record: a record with several labels stands in it several times, as HubSpot does.
local function associations_of(db, kind, r, wanted)
  local out, any = {}, false
  for _, name in ipairs(wanted) do
    local to = kinds[kind_of[name]]
    local set = to and r.links and r.links[to.name]
    if set and next(set) then
      local results, pair = {}, kind.name .. "_to_" .. to.name
      for _, id in ipairs(sorted_ids(set)) do
        for _, type_id in ipairs(set[id]) do
          results[#results + 1] = { id = id, type = type_id == plain_type(kind, to) and (#set[id] > 1 and pair .. "_unlabeled" or pair) or pair }
        end
      end
      out[to.plural], any = { results = results }, true
    end
  end
  return any and out or nil
end

local function history_of(db, kind, r, names)
  local kept = db.state.history[kind.name .. ":" .. r.id] or {}
  local out = {}
  for _, name in ipairs(names) do
    local list = {}
    for i = #(kept[name] or {}), 1, -1 do list[#list + 1] = kept[name][i] end
    if #list == 0 and r.properties[name] then list[1] = { value = r.properties[name], timestamp = r.createdAt, sourceType = "CRM_UI", sourceId = "userId:9001" } end
    out[name] = some(list)
  end
  return out
end

-- A record as raw JSON, with what the query asks for besides.
local function show(db, kind, key, pick, associations, history, more)
  local extra = more
  if #associations > 0 or #history > 0 then
    local r = db[kind.name]:get(key)
    extra = extra or {}
    extra.associations = associations_of(db, kind, r, associations)
    if #history > 0 then extra.propertiesWithHistory = history_of(db, kind, r, history) end
  end
  return db[kind.name]:show(key, pick, extra)
end

local function whole_number(text, low, high)
  if not text:match("^%d+$") then return nil end
  local n = math.tointeger(tonumber(text))
  return n and n >= low and n <= high and n or nil
end

local function link_to(call, after)
  local parts, names = {}, {}
  for name in pairs(call.query) do if name ~= "after" then names[#names + 1] = name end end
  table.sort(names)
  for _, name in ipairs(names) do
    local value = table.concat(texts(call.query[name]), ",")
    parts[#parts + 1] = name .. "=" .. value:gsub("[^%w%-_.~]", function(c) return string.format("%%%02X", c:byte()) end)
  end
  parts[#parts + 1] = "after=" .. after
  return host .. call.url .. "?" .. table.concat(parts, "&")
end

local list_records = of_kind(function(call, db, kind)
  local history, associations = texts(call.query.propertiesWithHistory), texts(call.query.associations)
  local text = last_of(call.query.limit) or "10"
  local most = #history > 0 and 50 or 100
  local limit = whole_number(text, 1, most)
  if not text:match("^%-?%d+$") then return invalid(db, "Error parsing query parameter 'limit': For input string: \"" .. text .. "\"") end
  if not limit then return invalid(db, "limit must be between 1 and " .. most .. ", but was " .. text) end
  local after = last_of(call.query.after)
  if after and not whole_number(after, 0, 10 ^ 15) then return invalid(db, "The after parameter is not valid: " .. after) end
  local archived = last_of(call.query.archived) == "true"
  local pick = pick_of(db, kind, texts(call.query.properties), archived)
  local results, following
  if #associations == 0 and #history == 0 then
    results, following = db[kind.name]:scan { from = after, limit = limit, archived = archived, pick = pick }
  else
    local keys
    keys, following = db[kind.name]:keys { from = after, limit = limit, archived = archived }
    results = keys
    for i, key in ipairs(keys) do results[i] = show(db, kind, key, pick, associations, history) end
  end
  if not following then return ok(db, { results = results }) end
  return ok(db, { results = results, paging = { next = { after = following, link = link_to(call, following) } } })
end)

local get_record = of_kind(function(call, db, kind)
  local key, bad = key_for(db, kind, call.path.id, last_of(call.query.idProperty))
  if bad then return invalid(db, "idProperty must be a unique property") end
  if not key then return not_found(db) end
  local _, archived = db[kind.name]:has(key)
  if archived ~= (last_of(call.query.archived) == "true") then return not_found(db) end
  local pick = pick_of(db, kind, texts(call.query.properties), archived)
  return ok(db, show(db, kind, key, pick, texts(call.query.associations), texts(call.query.propertiesWithHistory)))
end)

-- ---- writing ----

local function remember(db, kind, id, name, value, stamp)
  local at = kind.name .. ":" .. id
  db.state.history[at] = db.state.history[at] or {}
  local list = db.state.history[at][name] or {}
  list[#list + 1] = { value = value, timestamp = stamp, sourceType = "INTEGRATION", sourceId = tostring(app) }
  db.state.history[at][name] = list
end

-- A unique value that another record has: its id.
local function taken(db, kind, values, own)
  for name, value in pairs(values) do
    local p = property(db, kind, name)
    if p and p.flags.uniq and value ~= "" then
      for one in value:gmatch("[^;]+") do
        local other = db[kind.name]:find(one:lower())
        if other and other ~= own then return other, name end
      end
    end
  end
end

local function conflict(db, kind, other, name)
  if name == "email" or name == "hs_additional_emails" then
    return problem(db, 409, "CONFLICT", label_of(kind.name) .. " already exists. Existing ID: " .. other)
  end
  return invalid(db, "Property values were not valid: " .. encode { { isValid = false, name = name, error = "CONFLICTING_UNIQUE_VALUE", portalId = portal,
    message = other .. " already has that value.", localizedErrorMessage = other .. " already has that value." } })
end

local function lacks(kind, values)
  if kind.any then
    for _, name in ipairs(kind.any) do if (values[name] or "") ~= "" then return nil end end
    return kind.any
  end
  local missing = {}
  for _, name in ipairs(kind.all or {}) do if (values[name] or "") == "" then missing[#missing + 1] = name end end
  return #missing > 0 and missing or nil
end

local function add_link(db, from, from_id, to, to_id, type_ids)
  local r = db[from.name]:get(from_id)
  r.links = r.links or {}
  r.links[to.name] = r.links[to.name] or {}
  local have, list = {}, r.links[to.name][to_id] or {}
  for _, t in ipairs(list) do have[t] = true end
  for _, t in ipairs(type_ids) do if not have[t] then list[#list + 1] = t end end
  r.links[to.name][to_id] = list
  db[from.name]:put(r, false) -- an association does not touch the record's own date
end

local function drop_link(db, from, from_id, to, to_id)
  local r = db[from.name]:get(from_id)
  if r and r.links and r.links[to.name] then
    r.links[to.name][to_id] = nil
    db[from.name]:put(r, false)
  end
end

local function associate(db, from, from_id, to, to_id, type_ids)
  local back = {}
  for i, t in ipairs(type_ids) do back[i] = inverse[t] or plain_type(to, from) end
  add_link(db, from, from_id, to, to_id, type_ids)
  add_link(db, to, to_id, from, from_id, back)
  db.tell(from.name, from_id, "associationChange", { toType = to.name, toObjectId = to_id, removed = false })
end

local function type_ids_of(list, from, to)
  local ids = { plain_type(from, to) }
  for _, each in ipairs(list or {}) do
    local id = math.tointeger(tonumber(each.associationTypeId))
    if id and id ~= ids[1] then ids[#ids + 1] = id end
  end
  return ids
end

local type_kinds = { [279] = "company", [1] = "company", [280] = "contact", [2] = "contact", [3] = "contact", [4] = "deal", [341] = "company", [5] = "company",
  [342] = "deal", [6] = "deal", [15] = "ticket", [16] = "contact" }

-- Creates a record: its key, or nil and a reply.
local function create(db, call, kind, input)
  local values, reply = values_for(db, kind, input.properties or {})
  if not values then return nil, reply end
  local missing = lacks(kind, values)
  if missing then
    return nil, { invalid(db, "Error creating " .. kind.upper .. ". Some required properties were not set.",
      { errors = { { message = "Some required properties were not set", code = "MISSING_REQUIRED_PROPERTY", context = { properties = missing } } } }) }
  end
  local other, name = taken(db, kind, values)
  if other then return nil, { conflict(db, kind, other, name) } end
  db.state.next[kind.name] = (db.state.next[kind.name] or 0) + 1
  local stamp, properties = iso(call.now), { hs_object_source = "INTEGRATION" }
  for k, v in pairs(values) do if v ~= "" then properties[k] = v end end
  if kind.name == "contact" and not properties.lifecyclestage then properties.lifecyclestage = "lead" end
  local r = record(kind.name, 100000000 + db.state.next[kind.name], stamp, stamp, properties, {})
  if kind.name == "contact" then properties.hs_object_source_label = "INTEGRATION" end
  db[kind.name]:put(r, "create")
  for k, v in pairs(values) do remember(db, kind, r.id, k, v, stamp) end
  for _, each in ipairs(input.associations or {}) do
    local ids = each.types or {}
    local to = ids[1] and kinds[type_kinds[math.tointeger(tonumber(ids[1].associationTypeId))] or ""]
    local to_id = each.to and tostring(each.to.id)
    if to and db[to.name]:has(to_id) then associate(db, kind, r.id, to, to_id, type_ids_of(ids, kind, to)) end
  end
  return r.id
end

-- Changes a record: true, or nil and a reply. The modified date moves only if a value did.
local function update(db, call, kind, key, input)
  local values, reply = values_for(db, kind, input.properties or {})
  if not values then return nil, reply end
  local other, name = taken(db, kind, values, key)
  if other then return nil, { conflict(db, kind, other, name) } end
  local r = db[kind.name]:get(key)
  local stamp, changed = iso(math.max(call.now, (ms_of(r.updatedAt) or 0) + 1)), false
  for k, v in pairs(values) do
    local old = r.properties[k] or ""
    local p = property(db, kind, k)
    if p.fieldType == "checkbox" and v:sub(1, 1) == ";" then v = old == "" and v:sub(2) or old .. v end
    if k == "lifecyclestage" and stages[old] and stages[v] and stages[v] < stages[old] then v = old end
    if v ~= old then
      r.properties[k], changed = v ~= "" and v or nil, true
      remember(db, kind, key, k, v, stamp)
    end
  end
  if changed then
    r.properties[kind.modified], r.properties.hs_lastmodifieddate, r.updatedAt = stamp, stamp, stamp
    db[kind.name]:put(r, "change")
  end
  return true
end

local function archive(db, call, kind, key)
  local r = db[kind.name]:get(key)
  if not r or r.archived then return end
  r.archived, r.archivedAt, r.updatedAt = true, iso(call.now), iso(call.now)
  r.properties[kind.modified], r.properties.hs_lastmodifieddate = r.updatedAt, r.updatedAt
  db[kind.name]:put(r, "archive")
end

local create_record = with_body(function(call, db, kind)
  local key, reply = create(db, call, kind, call.body)
  if not key then return table.unpack(reply) end
  local status, body, headers = ok(db, db[kind.name]:show(key, whole, call.body.objectWriteTraceId and { objectWriteTraceId = call.body.objectWriteTraceId }), 201)
  headers.Location = host .. call.url .. "/" .. key
  return status, body, headers
end)

local update_record = with_body(function(call, db, kind)
  local key, bad = key_for(db, kind, call.path.id, last_of(call.query.idProperty))
  if bad then return invalid(db, "idProperty must be a unique property") end
  local _, archived = nil, true
  if key then _, archived = db[kind.name]:has(key) end
  if archived then return not_found(db) end
  local done, reply = update(db, call, kind, key, call.body)
  if not done then return table.unpack(reply) end
  return ok(db, db[kind.name]:show(key, whole))
end)

local delete_record = of_kind(function(call, db, kind)
  local key = key_for(db, kind, call.path.id)
  if not key then return not_found(db) end
  archive(db, call, kind, key)
  return ok(db, nil, 204)
end)

-- ---- batches ----

local function batch(handler)
  return with_body(function(call, db, kind)
    local inputs = call.body.inputs
    if type(inputs) ~= "table" then return bad_json(db, "Some required fields were not set: [inputs]") end
    if #inputs > 100 then return invalid(db, "The maximum number of inputs supported in a batch request is 100. Found " .. #inputs) end
    for _, input in ipairs(inputs) do
      if type(input) ~= "table" then return bad_json(db, "inputs: objects are expected") end
    end
    return handler(call, db, kind, inputs)
  end)
end

local function batch_reply(call, db, results, errors, status)
  local body = { status = "COMPLETE", results = some(results), startedAt = iso(call.now), completedAt = iso(call.now) }
  if #errors == 0 then return ok(db, body, status) end
  body.numErrors, body.errors = #errors, errors
  return ok(db, body, 207)
end

local function missing_error(kind, ids, trace)
  return { status = "error", category = "OBJECT_NOT_FOUND", context = { ids = ids, objectWriteTraceId = trace and { trace } or nil },
    message = "Could not get some " .. kind.upper .. " objects, they may be deleted or not exist. Check that ids are valid." }
end

local batch_read = batch(function(call, db, kind, inputs)
  local by, archived = call.body.idProperty, last_of(call.query.archived) == "true"
  if by == null then by = nil end
  local pick = pick_of(db, kind, texts(call.body.properties), archived)
  local history = texts(call.body.propertiesWithHistory)
  local results, missing, seen = {}, {}, {}
  for _, input in ipairs(inputs) do
    local id = tostring(input.id)
    local key = by and key_for(db, kind, id, by) or id
    local there, gone = db[kind.name]:has(key or "")
    if not there or gone ~= archived then missing[#missing + 1] = id
    elseif not seen[key] then
      seen[key], results[#results + 1] = true, show(db, kind, key, pick, {}, history)
    end
  end
  return batch_reply(call, db, results, #missing > 0 and { missing_error(kind, missing) } or {})
end)

local function each_traced(inputs)
  local seen = {}
  for _, input in ipairs(inputs) do
    local trace = input.objectWriteTraceId
    if type(trace) ~= "string" or seen[trace] then return false end
    seen[trace] = true
  end
  return true
end

local function traced_error(reply, input)
  local body = reply[2]
  return { status = "error", category = body.category, message = body.message, errors = body.errors, context = { objectWriteTraceId = { input.objectWriteTraceId } } }
end

-- Without traces one bad input fails the whole batch: so everything is checked before anything is stored.
local function all_fine(db, kind, inputs)
  for _, input in ipairs(inputs) do
    local values, reply = values_for(db, kind, input.properties or {})
    if not values then return reply end
    local missing = lacks(kind, values)
    if missing then return { invalid(db, "Error creating " .. kind.upper .. ". Some required properties were not set.") } end
    local other, name = taken(db, kind, values)
    if other then return { conflict(db, kind, other, name) } end
  end
end

local batch_create = batch(function(call, db, kind, inputs)
  local traced, results, errors = each_traced(inputs), {}, {}
  local reply = not traced and all_fine(db, kind, inputs)
  if reply then return table.unpack(reply) end
  for _, input in ipairs(inputs) do
    local key, failed = create(db, call, kind, input)
    if key then results[#results + 1] = db[kind.name]:show(key, whole, input.objectWriteTraceId and { objectWriteTraceId = input.objectWriteTraceId })
    elseif traced then errors[#errors + 1] = traced_error(failed, input)
    else return table.unpack(failed)
    end
  end
  return batch_reply(call, db, results, errors, 201)
end)

local batch_update = batch(function(call, db, kind, inputs)
  local traced, results, errors = each_traced(inputs), {}, {}
  for _, input in ipairs(inputs) do
    local id = tostring(input.id)
    local key = input.idProperty and input.idProperty ~= null and key_for(db, kind, id, input.idProperty) or id
    local there, gone = db[kind.name]:has(key)
    if there and not gone then
      local done, failed = update(db, call, kind, key, input)
      if done then results[#results + 1] = db[kind.name]:show(key, whole, input.objectWriteTraceId and { objectWriteTraceId = input.objectWriteTraceId })
      elseif traced then errors[#errors + 1] = traced_error(failed, input)
      else return table.unpack(failed)
      end
    elseif not key_for(db, kind, id) then -- an id that was merged away is left out without a word
      errors[#errors + 1] = missing_error(kind, { id }, input.objectWriteTraceId)
    end
  end
  return batch_reply(call, db, results, errors)
end)

local batch_upsert = batch(function(call, db, kind, inputs)
  local traced, results, errors = each_traced(inputs), {}, {}
  for _, input in ipairs(inputs) do
    local by, id = input.idProperty, tostring(input.id)
    if by == null then by = nil end
    local key, bad = key_for(db, kind, id, by)
    if bad or (by == nil and not key) then return invalid(db, "idProperty must be the name of a unique property") end
    local done, failed, new
    if key then
      done, failed = update(db, call, kind, key, input)
    else
      local properties = { [by] = id }
      for k, v in pairs(input.properties or {}) do properties[k] = v end
      key, failed = create(db, call, kind, { properties = properties })
      done, new = key, true
    end
    if done then results[#results + 1] = db[kind.name]:show(key, whole, { new = new or false, objectWriteTraceId = input.objectWriteTraceId })
    elseif traced then errors[#errors + 1] = traced_error(failed, input)
    else return table.unpack(failed)
    end
  end
  return batch_reply(call, db, results, errors)
end)

local batch_archive = batch(function(call, db, kind, inputs)
  for _, input in ipairs(inputs) do archive(db, call, kind, tostring(input.id)) end
  return ok(db, nil, 204)
end)

-- ---- merges, erasure ----

local merge = with_body(function(call, db, kind)
  local primary, other = tostring(call.body.primaryObjectId), tostring(call.body.objectIdToMerge)
  primary, other = key_for(db, kind, primary), key_for(db, kind, other)
  local a, b = primary and db[kind.name]:get(primary), other and db[kind.name]:get(other)
  if not a or not b or a.archived or b.archived then return not_found(db) end
  if primary == other then return invalid(db, "Cannot merge an object with itself") end
  local merged, moved = a.properties.hs_merged_object_ids, 0
  for name, value in pairs(b.properties) do
    if not a.properties[name] then a.properties[name], moved = value, moved + 1 end
  end
  local ids = { merged or "", b.properties.hs_merged_object_ids or "", other }
  a.properties.hs_merged_object_ids = table.concat(ids, ";"):gsub(";+", ";"):gsub("^;", "")
  if kind.name == "contact" and b.properties.email and b.properties.email ~= a.properties.email then
    local more = a.properties.hs_additional_emails
    a.properties.hs_additional_emails = more and more .. ";" .. b.properties.email or b.properties.email
  end
  for type_name, set in pairs(b.links or {}) do
    for id, list in pairs(set) do
      local there = db[type_name]:get(id)
      if there and there.links and there.links[kind.name] then
        there.links[kind.name][other], there.links[kind.name][primary] = nil, there.links[kind.name][other]
        db[type_name]:put(there, false)
      end
      a.links = a.links or {}
      a.links[type_name] = a.links[type_name] or {}
      a.links[type_name][id] = a.links[type_name][id] or list
    end
  end
  local stamp = iso(math.max(call.now, (ms_of(a.updatedAt) or 0) + 1))
  a.properties[kind.modified], a.properties.hs_lastmodifieddate, a.updatedAt = stamp, stamp, stamp
  db.state.absorbed[other] = primary
  for old, into in pairs(db.state.absorbed) do if into == other then db.state.absorbed[old] = primary end end
  db[kind.name]:remove(other)
  db[kind.name]:put(a, false)
  db.tell(kind.name, primary, "merge", { primaryObjectId = primary, mergedObjectIds = { other }, newObjectId = primary, numberOfPropertiesMoved = moved })
  return ok(db, db[kind.name]:show(primary, whole))
end)

local gdpr_delete = with_body(function(call, db, kind)
  local key = key_for(db, kind, call.body.objectId, call.body.idProperty)
  if key then
    db.tell(kind.name, key, "privacyDeletion")
    db[kind.name]:remove(key)
  end
  return ok(db, nil, 204)
end)

-- ---- search ----

local operators = { EQ = "EQ", NEQ = "NEQ", LT = "LT", LTE = "LTE", GT = "GT", GTE = "GTE", BETWEEN = "BETWEEN", IN = "IN", NOT_IN = "NOT_IN",
  HAS_PROPERTY = "HAS", NOT_HAS_PROPERTY = "HAS_NOT", CONTAINS_TOKEN = "TOKEN", NOT_CONTAINS_TOKEN = "NOT_TOKEN" }
local compared = { number = "number", date = "stamp", datetime = "stamp", enumeration = "exact", bool = "exact" }

local function bad_filter(db, message)
  return nil, { invalid(db, message, { errors = { { message = message, code = "INVALID_FILTER" } } }) }
end

local function filter_for(db, kind, f)
  if type(f) ~= "table" or type(f.propertyName) ~= "string" then return bad_filter(db, "a filter needs a propertyName") end
  local op, name = operators[f.operator], f.propertyName
  if not op then return nil, { bad_json(db, "Cannot deserialize value of type FilterOperatorEnum from String \"" .. tostring(f.operator) .. "\"") } end
  local other = kinds[kind_of[name:match("^associations%.(.+)$") or ""]]
  if other then return { path = "links." .. other.name .. "." .. tostring(f.value), op = op == "NEQ" and "HAS_NOT" or "HAS" } end
  local p = property(db, kind, name)
  if not p then
    local message = "Property '" .. name .. "' does not exist"
    return nil, { invalid(db, "There was a problem with the request.", { errors = { { message = message, code = "PROPERTY_DOESNT_EXIST", context = { propertyName = { name } } } } }) }
  end
  local out = { path = name == "hs_object_id" and "id" or "properties." .. name, op = op, kind = compared[p.type] }
  if name == "hs_object_id" then out.kind = "number" end
  if op == "IN" or op == "NOT_IN" then
    if type(f.values) ~= "table" or #f.values == 0 then return bad_filter(db, "operator " .. f.operator .. " requires values") end
    out.values = {}
    for i, v in ipairs(f.values) do out.values[i] = tostring(v) end
  elseif op == "BETWEEN" then
    if f.highValue == nil or f.highValue == null then return nil, { bad_json(db, "Cannot build Filter, operator BETWEEN requires a highValue") } end
    out.values = { tostring(f.value), tostring(f.highValue) }
  elseif op ~= "HAS" and op ~= "HAS_NOT" then
    if f.value == nil or f.value == null then return bad_filter(db, "operator " .. f.operator .. " requires a value") end
    out.value = tostring(f.value)
  end
  local low = tonumber(out.values and out.values[1] or out.value)
  if name == kind.modified and low and low < 1000 and (op == "GT" or op == "GTE" or op == "BETWEEN") then
    return nil, { problem(db, 500, nil, "internal error") } -- as HubSpot does with epoch 0
  end
  return out
end

local function where_for(db, call, kind)
  local groups, where, total = call.body.filterGroups, {}, 0
  if groups == null then groups = nil end
  if not groups and type(call.body.filters) == "table" then groups = { { filters = call.body.filters } } end
  if groups and type(groups) ~= "table" then return nil, { bad_json(db, "filterGroups: a list is expected") } end
  if groups and #groups > 5 then return bad_filter(db, "Too many filter groups: at most 5 are allowed") end
  for g, group in ipairs(groups or {}) do
    local filters = type(group) == "table" and type(group.filters) == "table" and group.filters or {}
    if #filters > 6 then return bad_filter(db, "Too many filters in a group: at most 6 are allowed") end
    where[g], total = {}, total + #filters
    for i, f in ipairs(filters) do
      local made, reply = filter_for(db, kind, f)
      if not made then return nil, reply end
      where[g][i] = made
    end
  end
  if total > 18 then return bad_filter(db, "Too many filters: at most 18 are allowed") end
  if db.state.search.delay > 0 then -- what changed a moment ago is not searchable yet
    if #where == 0 then where[1] = {} end
    for _, filters in ipairs(where) do
      filters[#filters + 1] = { path = "properties." .. kind.modified, op = "LTE", kind = "stamp", value = tostring(call.now - db.state.search.delay) }
    end
  end
  return where
end

local function sort_for(db, kind, sorts)
  local first = type(sorts) == "table" and sorts[1]
  if not first or first == null then return nil end
  local name, descending
  if type(first) == "string" then
    descending, name = first:sub(1, 1) == "-", first:gsub("^%-", "")
  else
    name, descending = first.propertyName, first.direction == "DESCENDING"
  end
  local p = type(name) == "string" and property(db, kind, name)
  if not p then return nil, { invalid(db, "There was a problem with the request.", { errors = { { message = "cannot sort by " .. tostring(name), code = "PROPERTY_DOESNT_EXIST" } } }) } end
  if name == "hs_object_id" then return { path = "id", kind = "number", descending = descending } end
  return { path = "properties." .. name, kind = compared[p.type], descending = descending }
end

local search = with_body(function(call, db, kind)
  local b = call.body
  local function given(name)
    if b[name] ~= null then return b[name] end
    return nil
  end
  local limit, after = tostring(given("limit") or 10), tostring(given("after") or "0")
  if after == "" then after = "0" end
  local size, offset = whole_number(limit, 0, 200), whole_number(after, 0, 10 ^ 12)
  if not size then return invalid(db, "limit must be between 1 and 200, but was " .. limit) end
  if not offset then return invalid(db, "after must be an integer, but was " .. after) end
  if offset + size > 10000 then return invalid(db, "Paging past 10000 results is not supported: after + limit must not exceed 10000") end
  local query = tostring(given("query") or "")
  if #query > 3000 then return invalid(db, "query must be at most 3000 characters") end
  if type(given("sorts")) == "table" and #b.sorts > 1 then return invalid(db, "Only one sort is allowed") end
  local where, reply = where_for(db, call, kind)
  if not where then return table.unpack(reply) end
  local sort, wrong = sort_for(db, kind, given("sorts"))
  if wrong then return table.unpack(wrong) end
  local rows, total, following = db[kind.name]:search {
    where = where, sort = sort, limit = size, offset = offset, pick = pick_of(db, kind, texts(given("properties")), false),
    text = query ~= "" and { value = query, paths = kind.text_paths } or nil,
  }
  return ok(db, { total = total, results = rows, paging = following and { next = { after = tostring(following) } } or nil })
end)

-- ---- associations ----

local function types_shown(list)
  local out = {}
  for i, id in ipairs(list) do
    out[i] = { category = (id == 36 or id == 37) and "USER_DEFINED" or "HUBSPOT_DEFINED", typeId = id, label = labels_of[id] or null }
  end
  return out
end

local function of_pair(handler, from_field, to_field)
  return of_kind(function(call, db, from)
    local to = kind_at(call, to_field)
    if not to then return unknown_kind(call, db, to_field) end
    if call.method == "POST" and (call.fault or type(call.body) ~= "table" or type(call.body.inputs) ~= "table") then
      return bad_json(db, call.fault or "Some required fields were not set: [inputs]")
    end
    return handler(call, db, from, to)
  end, from_field)
end

local function links_page(r, to, after, limit)
  local set, results, following = r.links and r.links[to.name] or {}, {}, nil
  for _, id in ipairs(sorted_ids(set)) do
    local n = math.tointeger(tonumber(id))
    if not after or n >= after then
      if #results == limit then
        following = id
        break
      end
      results[#results + 1] = { toObjectId = n, associationTypes = types_shown(set[id]) }
    end
  end
  return results, following
end

local associations_read = of_pair(function(call, db, from, to)
  if #call.body.inputs > 1000 then return invalid(db, "The maximum number of inputs supported in a batch request is 1000. Found " .. #call.body.inputs) end
  local results, errors = {}, {}
  for _, input in ipairs(call.body.inputs) do
    local id = tostring(input.id)
    local there, gone = db[from.name]:has(id)
    local page, following = {}, nil
    if there and not gone then page, following = links_page({ links = db[from.name]:get(id, "links") }, to, whole_number(tostring(input.after or ""), 0, 10 ^ 15), db.state.links.page) end
    if #page > 0 then
      results[#results + 1] = { from = { id = id }, to = page, paging = following and { next = { after = following, link = host .. call.url .. "?after=" .. following } } or nil }
    else
      errors[#errors + 1] = { status = "error", category = "OBJECT_NOT_FOUND", subCategory = "crm.associations.NO_ASSOCIATIONS_FOUND",
        message = "No " .. to.name .. " is associated with " .. from.name .. " " .. id .. ".", context = { fromObjectId = { id }, fromObjectType = { from.name }, toObjectType = { to.name } } }
    end
  end
  return batch_reply(call, db, results, errors)
end, "from", "to")

local associations_list = of_pair(function(call, db, from, to)
  local key = key_for(db, from, call.path.id)
  local r = key and db[from.name]:get(key)
  if not r or r.archived then return not_found(db) end
  local limit = whole_number(last_of(call.query.limit) or "500", 1, 500)
  if not limit then return invalid(db, "limit must be between 1 and 500") end
  local results, following = links_page(r, to, whole_number(last_of(call.query.after) or "", 0, 10 ^ 15), limit)
  results = some(results)
  return ok(db, { results = results, paging = following and { next = { after = following, link = link_to(call, following) } } or nil })
end, "type", "to")

local function both_there(db, from, from_id, to, to_id)
  local a, gone_a = db[from.name]:has(from_id)
  local b, gone_b = db[to.name]:has(to_id)
  return a and b and not gone_a and not gone_b
end

local function labels_list(type_ids)
  local list = decode "[]"
  for _, id in ipairs(type_ids) do if labels_of[id] then list[#list + 1] = labels_of[id] end end
  return list
end

local association_put = of_pair(function(call, db, from, to)
  local from_id, to_id = call.path.id, call.path.toId
  if call.fault or type(call.body) ~= "table" then return bad_json(db, call.fault or "a list is expected") end
  if not both_there(db, from, from_id, to, to_id) then return not_found(db) end
  local ids = type_ids_of(call.body, from, to)
  associate(db, from, from_id, to, to_id, ids)
  return ok(db, { fromObjectTypeId = from.id, fromObjectId = math.tointeger(tonumber(from_id)), toObjectTypeId = to.id, toObjectId = math.tointeger(tonumber(to_id)), labels = labels_list(ids) }, 201)
end, "type", "to")

local function default_result(from, from_id, to, to_id, type_id)
  return { from = { id = from_id }, to = { id = to_id }, associationSpec = { associationCategory = "HUBSPOT_DEFINED", associationTypeId = type_id } }
end

local association_default = of_pair(function(call, db, from, to)
  local from_id, to_id = call.path.id, call.path.toId
  if not both_there(db, from, from_id, to, to_id) then return not_found(db) end
  local t = plain_type(from, to)
  associate(db, from, from_id, to, to_id, { t })
  return batch_reply(call, db, { default_result(from, from_id, to, to_id, t), default_result(to, to_id, from, from_id, plain_type(to, from)) }, {})
end, "type", "to")

local function drop_both(db, from, from_id, to, to_id)
  drop_link(db, from, from_id, to, to_id)
  drop_link(db, to, to_id, from, from_id)
  db.tell(from.name, from_id, "associationChange", { toType = to.name, toObjectId = to_id, removed = true })
end

local association_delete = of_pair(function(call, db, from, to)
  drop_both(db, from, call.path.id, to, call.path.toId)
  return ok(db, nil, 204)
end, "type", "to")

local function each_pair(inputs, handler)
  for _, input in ipairs(inputs) do
    local from_id, list = type(input.from) == "table" and tostring(input.from.id) or "", input.to
    if type(list) == "table" and list.id then list = { list } end
    for _, to in ipairs(type(list) == "table" and list or {}) do handler(from_id, tostring(to.id), input) end
  end
end

local function associations_create(status, default)
  return of_pair(function(call, db, from, to)
    if #call.body.inputs > 2000 then return invalid(db, "The maximum number of inputs supported in a batch request is 2000. Found " .. #call.body.inputs) end
    local results, missing = {}, {}
    each_pair(call.body.inputs, function(from_id, to_id, input)
      if not both_there(db, from, from_id, to, to_id) then
        missing[#missing + 1] = db[from.name]:has(from_id) and to_id or from_id
        return
      end
      local ids = default and { plain_type(from, to) } or type_ids_of(input.types, from, to)
      associate(db, from, from_id, to, to_id, ids)
      results[#results + 1] = default and default_result(from, from_id, to, to_id, ids[1])
        or { fromObjectTypeId = from.id, fromObjectId = math.tointeger(tonumber(from_id)), toObjectTypeId = to.id, toObjectId = math.tointeger(tonumber(to_id)), labels = labels_list(ids) }
    end)
    return batch_reply(call, db, results, #missing > 0 and { missing_error(from, missing) } or {}, status)
  end, "from", "to")
end

local associations_archive = of_pair(function(call, db, from, to)
  each_pair(call.body.inputs, function(from_id, to_id) drop_both(db, from, from_id, to, to_id) end)
  return ok(db, nil, 204)
end, "from", "to")

local association_labels = of_pair(function(_, db, from, to)
  local list = {}
  local plain = plain_type(from, to)
  local primary = { [279] = 1, [280] = 2, [341] = 5, [342] = 6 }
  local own = { [279] = 36, [280] = 37 }
  for _, id in ipairs { plain, primary[plain] or 0, own[plain] or 0 } do
    if id > 0 then list[#list + 1] = types_shown { id }[1] end
  end
  return ok(db, { results = list })
end, "from", "to")

-- ---- owners, pipelines, custom objects, account ----

local function list_owners(call, db)
  local limit = whole_number(last_of(call.query.limit) or "100", 1, 500)
  if not limit then return invalid(db, "limit must be between 1 and 500") end
  local email = last_of(call.query.email)
  if email then
    local rows = db.owner:search { where = { { { path = "email", op = "EQ", value = email } } }, limit = limit }
    return ok(db, { results = rows })
  end
  local rows, following = db.owner:scan { from = last_of(call.query.after), limit = limit, archived = last_of(call.query.archived) == "true" }
  return ok(db, { results = rows, paging = following and { next = { after = following, link = link_to(call, following) } } or nil })
end

local function get_owner(call, db)
  local key = call.path.id
  if last_of(call.query.idProperty) == "userId" then key = tostring(500 + (math.tointeger(tonumber(key) or 0) or 0) - 9000) end
  local raw = db.owner:show(key)
  if not raw then return not_found(db) end
  return ok(db, raw)
end

local function stage(id, label, order, metadata)
  return { id = id, label = label, displayOrder = order, metadata = metadata, createdAt = "1970-01-01T00:00:00Z", updatedAt = "1970-01-01T00:00:00Z", archived = false,
    writePermissions = "CRM_PERMISSIONS_ENFORCEMENT" }
end

local function deal_stage(id, label, order)
  return stage(id, label, order, { probability = probability[id], isClosed = id:sub(1, 6) == "closed" and "true" or "false" })
end

local function pipeline(id, label, stages_list)
  return { id = id, label = label, displayOrder = 0, stages = stages_list, createdAt = "1970-01-01T00:00:00Z", updatedAt = "1970-01-01T00:00:00Z", archived = false }
end

local pipelines = {
  deal = { pipeline("default", "Sales Pipeline", {
    deal_stage("closedwon", "Closed Won", 5), deal_stage("appointmentscheduled", "Appointment Scheduled", 0), deal_stage("qualifiedtobuy", "Qualified To Buy", 1),
    deal_stage("presentationscheduled", "Presentation Scheduled", 2), deal_stage("decisionmakerboughtin", "Decision Maker Bought-In", 3),
    deal_stage("contractsent", "Contract Sent", 4), deal_stage("closedlost", "Closed Lost", 6) }) },
  ticket = { pipeline("0", "Support Pipeline", {
    stage("1", "New", 0, { ticketState = "OPEN" }), stage("2", "Waiting on contact", 1, { ticketState = "OPEN" }), stage("3", "Waiting on us", 2, { ticketState = "OPEN" }),
    stage("4", "Closed", 3, { ticketState = "CLOSED" }) }) },
}

local list_pipelines = of_kind(function(_, db, kind)
  return ok(db, { results = pipelines[kind.name] or decode "[]" })
end)

local get_pipeline = of_kind(function(call, db, kind)
  for _, each in ipairs(pipelines[kind.name] or {}) do
    if each.id == call.path.id then return ok(db, each) end
  end
  return not_found(db)
end)

local function car_schema(db)
  local kind = kinds.car
  return {
    id = "7654321", objectTypeId = kind.id, fullyQualifiedName = "p" .. portal .. "_car", name = "car", labels = { singular = "Car", plural = "Cars" },
    primaryDisplayProperty = "model", secondaryDisplayProperties = { "vin" }, requiredProperties = { "model" }, searchableProperties = { "model", "vin" },
    properties = all_properties(db, kind, false), associations = { { id = "900", fromObjectTypeId = kind.id, toObjectTypeId = "0-1", name = "car_to_contact" } },
    archived = false, createdAt = "2024-01-02T03:04:05.678Z", updatedAt = "2024-01-02T03:04:05.678Z", allowsSensitiveProperties = false,
  }
end

local function list_schemas(call, db)
  if last_of(call.query.archived) == "true" then return ok(db, { results = decode "[]" }) end
  return ok(db, { results = { car_schema(db) } })
end

local function get_schema(call, db)
  if kind_of[call.path.type] ~= "car" then return not_found(db) end
  return ok(db, car_schema(db))
end

local function account(_, db)
  return ok(db, { portalId = portal, accountType = "DEVELOPER_TEST", timeZone = "Europe/Berlin", companyCurrency = "EUR", additionalCurrencies = { "USD" }, utcOffset = "+01:00",
    utcOffsetMilliseconds = 3600000, uiDomain = "app.hubspot.com", dataHostingLocation = "na1" })
end

local function usage(call, db)
  local used = { name = "private-apps-api-calls-daily", usageLimit = 1000000, currentUsage = 0, fetchStatus = "SUCCESS" }
  used.collectedAt, used.resetsAt = iso(call.now), iso(call.now + 3600000)
  return ok(db, { results = { used } })
end

-- ---- OAuth ----

local scopes = { "oauth", "crm.objects.contacts.read", "crm.objects.contacts.write", "crm.objects.companies.read", "crm.objects.deals.read", "crm.schemas.custom.read" }

-- SHA-256 of a short text as base64url, for PKCE.
local function challenge_of(text)
  local k, h, primes = {}, {}, 0
  local function fraction(root, n) return math.floor((n ^ root % 1) * 4294967296) end
  for n = 2, 311 do
    local prime = true
    for d = 2, n // 2 do if n % d == 0 then prime = false end end
    if prime then
      primes = primes + 1
      k[primes] = fraction(1 / 3, n)
      if primes <= 8 then h[primes] = fraction(1 / 2, n) end
    end
  end
  local function rotate(x, n) return (x >> n | x << (32 - n)) & 0xffffffff end
  local bytes = text .. "\128" .. ("\0"):rep((55 - #text) % 64) .. string.format("%016x", #text * 8):gsub("%x%x", function(x) return string.char(tonumber(x, 16)) end)
  for at = 1, #bytes, 64 do
    local w = {}
    for i = 1, 16 do
      local a, b, c, d = bytes:byte(at + 4 * i - 4, at + 4 * i - 1)
      w[i] = a << 24 | b << 16 | c << 8 | d
    end
    for i = 17, 64 do
      local x, y = w[i - 15], w[i - 2]
      w[i] = (w[i - 16] + (rotate(x, 7) ~ rotate(x, 18) ~ x >> 3) + w[i - 7] + (rotate(y, 17) ~ rotate(y, 19) ~ y >> 10)) & 0xffffffff
    end
    local a, b, c, d, e, f, g, z = table.unpack(h)
    for i = 1, 64 do
      local one = z + (rotate(e, 6) ~ rotate(e, 11) ~ rotate(e, 25)) + (e & f ~ (~e & g)) + k[i] + w[i]
      local two = (rotate(a, 2) ~ rotate(a, 13) ~ rotate(a, 22)) + (a & b ~ a & c ~ b & c)
      a, b, c, d, e, f, g, z = (one + two) & 0xffffffff, a, b, c, (d + one) & 0xffffffff, e, f, g
    end
    for i, v in ipairs { a, b, c, d, e, f, g, z } do h[i] = (h[i] + v) & 0xffffffff end
  end
  local out, digits = {}, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
  local left, held = 0, 0
  for i = 1, 8 do
    for shift = 24, 0, -8 do
      held, left = (held << 8 | h[i] >> shift & 255) & 0xffff, left + 8
      while left >= 6 do
        left = left - 6
        local n = held >> left & 63
        out[#out + 1] = digits:sub(n + 1, n + 1)
      end
    end
  end
  local n = held << (6 - left) & 63
  out[#out + 1] = digits:sub(n + 1, n + 1)
  return table.concat(out)
end

local function oauth_problem(db, kind, status, message)
  return 400, { error = kind, error_description = message, status = status, message = message, correlationId = db.random.uuid() }
end

local function client_check(db, f)
  if f.client_id ~= "emulator" then return oauth_problem(db, "invalid_client", "BAD_CLIENT_ID", "missing or unknown client id") end
  if f.client_secret ~= "emulator-secret" then return oauth_problem(db, "invalid_client", "BAD_CLIENT_SECRET", "missing or invalid client secret") end
end

local function oauth_form(call)
  local f = {}
  for k, v in pairs(call.query) do f[k] = last_of(v) end
  if type(call.body) == "table" then
    for k, v in pairs(call.body) do f[k] = last_of(v) end
  end
  return f
end

local function grant(call, db)
  local f = oauth_form(call)
  local status, body = client_check(db, f)
  if status then return status, body end
  local reply = { token_type = "bearer" }
  if f.grant_type == "refresh_token" then
    local rotation = db.state.rotation
    if f.refresh_token ~= (rotation.now or "emulator-refresh") or db.state.revoked["emulator-refresh"] then
      return oauth_problem(db, "invalid_grant", "BAD_REFRESH_TOKEN", "missing or invalid refresh token")
    end
    if rotation.on then
      rotation.count = rotation.count + 1
      rotation.now = "emulator-refresh-" .. rotation.count
    end
    reply.refresh_token = rotation.now or "emulator-refresh"
  elseif f.grant_type == "authorization_code" then
    local code = db.state.codes[tostring(f.code)]
    if not code then return oauth_problem(db, "invalid_grant", "BAD_AUTH_CODE", "missing or unknown auth code") end
    db.state.codes[f.code] = nil
    if call.now > code.till then return oauth_problem(db, "invalid_grant", "EXPIRED_AUTH_CODE", "auth code has expired") end
    if f.redirect_uri ~= code.uri then return oauth_problem(db, "redirect_uri_mismatch", "BAD_REDIRECT_URI", "redirect URI does not match initial auth code URI") end
    if code.challenge and challenge_of(tostring(f.code_verifier)) ~= code.challenge then
      return oauth_problem(db, "invalid_grant", "BAD_CODE_VERIFIER", "code verifier does not match the code challenge")
    end
    db.state.rotation.now, db.state.revoked["emulator-refresh"] = nil, nil
    reply.refresh_token = "emulator-refresh"
  elseif f.grant_type ~= "client_credentials" then
    return oauth_problem(db, "unsupported_grant_type", "BAD_GRANT_TYPE", "missing or unknown grant_type")
  end
  reply.access_token, reply.expires_in = db.tokens:issue(1800)
  if call.url:sub(1, 10) ~= "/oauth/v1/" then
    reply.hub_id, reply.user_id, reply.scopes, reply.token_use = portal, 9001, scopes, "access_token"
  end
  return ok(db, reply)
end

local function introspect(call, db)
  local f = oauth_form(call)
  local status, body = client_check(db, f)
  if status then return status, body end
  local token = tostring(f.token)
  local left = db.tokens:left(token)
  if token == "emulator-refresh" and not db.state.revoked[token] then left = 0 end
  if not left then return ok(db, { active = false }) end
  return ok(db, { active = true, token = token, token_type = "bearer", token_use = token == "emulator-refresh" and "refresh_token" or "access_token", client_id = "emulator",
    app_id = app, hub_id = portal, hub_domain = "emulator.example", user = "owner1@example.com", user_id = 9001, scopes = scopes, expires_in = left })
end

local function revoke(call, db)
  local f = oauth_form(call)
  local status, body = client_check(db, f)
  if status then return status, body end
  if f.token == "emulator-refresh" then db.state.revoked["emulator-refresh"] = true else db.tokens:revoke(tostring(f.token)) end
  return ok(db, nil, 200)
end

local function revoke_refresh(call, db)
  db.state.revoked[call.path.token] = true
  return ok(db, nil, 204)
end

local function token_info(call, db)
  local left = db.tokens:left(call.path.token)
  if not left and call.path.token ~= "emulator-refresh" then return not_found(db) end
  return ok(db, { token = call.path.token, user = "owner1@example.com", user_id = 9001, hub_id = portal, hub_domain = "emulator.example", app_id = app, scopes = scopes,
    expires_in = left, token_type = left and "access" or "refresh", client_id = "emulator" })
end

-- The page where a person would say yes: here everybody does.
local function authorize(call, db)
  local uri = last_of(call.query.redirect_uri)
  if last_of(call.query.client_id) ~= "emulator" or not uri then return 400, "unknown client_id, or no redirect_uri\n" end
  local code = db.random.uuid()
  db.state.codes[code] = { till = call.now + 60000, uri = uri, challenge = last_of(call.query.code_challenge) }
  local state = last_of(call.query.state)
  return 302, "", { Location = uri .. (uri:find("?", 1, true) and "&" or "?") .. "code=" .. code .. (state and "&state=" .. state or "") }
end

-- ---- what the framework asks ----

local function ago(ms)
  local s = ms // 1000
  for _, unit in ipairs { { 86400, "day" }, { 3600, "hour" }, { 60, "minute" } } do
    if s >= unit[1] then return s // unit[1] .. " " .. unit[2] .. "(s)" end
  end
  return s .. " second(s)"
end

local function refused(call, why, db)
  if why.code == "not_found" then return problem(db, 404, "OBJECT_NOT_FOUND", "resource not found") end
  if why.code == "method" then return problem(db, 405, "METHOD_NOT_ALLOWED", "Method " .. call.method .. " is not allowed") end
  local expired = why.expired or (call.token == "access-token" and 0) or nil -- a text that is no token "expired" in 1970
  local status, body, headers
  if expired then
    status, body, headers = problem(db, 401, "EXPIRED_AUTHENTICATION", "The OAuth token used to make this call expired " .. ago(call.now - expired) .. " ago.",
      { context = { ["expire time"] = { iso(expired) } } })
  else
    status, body, headers = problem(db, 401, "INVALID_AUTHENTICATION", "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find "
      .. "more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview")
  end
  headers["x-hubspot-auth-failure"] = "401 Unauthorized"
  return status, body, headers
end

local function limited(_, why, db)
  local daily, second = why.windowMs >= 86400000, why.windowMs < 10000
  local policy = daily and "DAILY" or second and "SECONDLY" or "TEN_SECONDLY_ROLLING"
  local word = policy:lower()
  local body = { status = "error", message = "You have reached your " .. word .. " limit.", errorType = "RATE_LIMIT", correlationId = db.random.uuid(), policyName = policy }
  if not second then body.groupName = "publicapi:private_app-api-calls-" .. (daily and "daily" or "ten-secondly") .. ":" .. app .. ":" .. portal end
  return 429, body, db.state.retry.after and { ["Retry-After"] = tostring(math.max(1, (why.waitMs + 999) // 1000)) } or nil
end

-- A property of the account as its owner could not change it: {"entity":"contact","name":"zip","remove":true}, or "type", "options" or neither, which
-- brings it back (or makes it).
local function control_property(db, b)
  local kind = kinds[kind_of[b.entity or ""]]
  if not kind or type(b.name) ~= "string" then return 400, { status = "error", message = "which property? entity and name" } end
  local gone, old, new = db.state.gone[kind.name] or {}, property(db, kind, b.name) or kind.property[b.name], {}
  gone[b.name] = b.remove == true or nil
  db.state.gone[kind.name] = gone
  for k, v in pairs(old or { name = b.name, label = label_of(b.name), type = "string", fieldType = "text", options = decode "[]", flags = { custom = true } }) do new[k] = v end
  if b.type then new.type = b.type end
  if b.options then new.options, new.allowed = options_of(table.concat(b.options, "|")) end
  store_property(db, kind, new)
  return 200, { done = true }
end

-- POST /_emulator/search {"delay_ms":2000}, /_emulator/scopes {"deny":["contacts"]}, /_emulator/retry_after {"on":true}, /_emulator/associations {"page":2},
-- /_emulator/rotate {"on":true}: each refresh gives a new refresh token, and the one before is refused; "anew":true: the first one is in force again
local function control(call, db)
  local what, b = call.url:match("^/_emulator/(.*)$"), type(call.body) == "table" and call.body or {}
  if what == "search" then db.state.search.delay = b.delay_ms or 0
  elseif what == "retry_after" then db.state.retry.after = b.on == true
  elseif what == "associations" then db.state.links.page = b.page or 500
  elseif what == "rotate" then
    db.state.rotation.on = b.on == true
    if b.anew then db.state.rotation.now = nil end
  elseif what == "property" then return control_property(db, b)
  elseif what == "scopes" then
    db.state.denied = {}
    for _, name in ipairs(b.deny or {}) do db.state.denied[kind_of[name] or name] = true end
  else
    return 404, { status = "error", message = "nothing to control by this name" }
  end
  return 200, { done = true }
end

-- Records in the recycle bin stand beside those that were asked for.
local function setup(db)
  for _, name in ipairs { "contact", "company", "deal" } do
    local live = db[name]:count()
    local make = name == "contact" and make_contact or name == "company" and make_company or make_deal
    for i = 1, math.min(live // 100, 100) do
      local r = make(50000000 + i * 101, db.random, { contact = 0, company = 0, deal = 0 })
      r.archived, r.archivedAt = true, r.updatedAt
      r.properties.hs_additional_emails, r.properties.hs_merged_object_ids = nil, nil
      db[name]:put(r, false)
    end
  end
end

-- ---- webhooks ----

local verbs = { create = "creation", remove = "deletion", archive = "deletion", restore = "restore", merge = "merge", privacyDeletion = "privacyDeletion",
  associationChange = "associationChange" }

local function events_for(change)
  local kind = kinds[change.entity]
  if not kind then return nil end
  local prefix = change.entity == "car" and "object" or change.entity
  local list, number = {}, change.number
  local function add(verb, more)
    number = number + 1
    local e = { eventId = number, subscriptionId = 100000 + #verb, portalId = portal, appId = app, occurredAt = change.at, subscriptionType = prefix .. "." .. verb,
      attemptNumber = 0, objectId = math.tointeger(tonumber(change.id)), changeSource = "CRM_UI", sourceId = "userId:9001" }
    if change.entity == "car" then e.objectTypeId = kind.id end
    for k, v in pairs(more) do e[k] = v end
    list[#list + 1] = e
  end
  if change.verb == "change" then
    local before = change.before and change.before.properties or {}
    local names = {}
    for name in pairs(change.after.properties) do names[#names + 1] = name end
    for name in pairs(before) do if change.after.properties[name] == nil then names[#names + 1] = name end end
    table.sort(names)
    for _, name in ipairs(names) do
      local value = change.after.properties[name]
      if name ~= "lastmodifieddate" and name ~= "hs_lastmodifieddate" and value ~= before[name] then
        add("propertyChange", { propertyName = name, propertyValue = value or "", isSensitive = false })
      end
    end
  elseif change.verb == "associationChange" then
    add("associationChange", { associationType = kind.upper .. "_TO_" .. change.extra.toType:upper(), fromObjectId = math.tointeger(tonumber(change.id)),
      toObjectId = math.tointeger(tonumber(change.extra.toObjectId)), associationRemoved = change.extra.removed, isPrimaryAssociation = false })
  elseif change.verb == "merge" then
    local x = change.extra
    add("merge", { primaryObjectId = math.tointeger(tonumber(x.primaryObjectId)), mergedObjectIds = { math.tointeger(tonumber(x.mergedObjectIds[1])) },
      newObjectId = math.tointeger(tonumber(x.newObjectId)), numberOfPropertiesMoved = x.numberOfPropertiesMoved })
  elseif verbs[change.verb] then
    add(verbs[change.verb], { changeFlag = change.verb == "create" and "NEW" or change.verb == "restore" and "RESTORED" or "DELETED" })
  end
  return list
end

-- ---- routes: the legacy family and the dated one ----

local routes = {}
local function route(word, path, answers, options)
  local o = options or {}
  o.answers = answers
  routes[#routes + 1] = word(path)(o)
end

for _, base in ipairs { "/crm/v3/objects/{type}", "/crm/objects/2026-03/{type}", "/crm/objects/2025-09/{type}", "/crm/objects/2026-09/{type}" } do
  route(get, base, list_records)
  route(post, base, create_record)
  route(post, base .. "/search", search, { rate = "search" })
  route(post, base .. "/merge", merge)
  route(post, base .. "/gdpr-delete", gdpr_delete)
  route(post, base .. "/batch/read", batch_read)
  route(post, base .. "/batch/create", batch_create)
  route(post, base .. "/batch/update", batch_update)
  route(post, base .. "/batch/upsert", batch_upsert)
  route(post, base .. "/batch/archive", batch_archive)
  route(get, base .. "/{id}", get_record)
  route(patch, base .. "/{id}", update_record)
  route(delete, base .. "/{id}", delete_record)
end
for _, base in ipairs { "/crm/v4/objects/{type}/{id}/associations", "/crm/objects/2026-03/{type}/{id}/associations", "/crm/objects/2026-09/{type}/{id}/associations" } do
  route(get, base .. "/{to}", associations_list)
  route(put, base .. "/default/{to}/{toId}", association_default)
  route(put, base .. "/{to}/{toId}", association_put)
  route(delete, base .. "/{to}/{toId}", association_delete)
end
for _, base in ipairs { "/crm/v4/associations/{from}/{to}", "/crm/associations/2026-03/{from}/{to}", "/crm/associations/2026-09/{from}/{to}" } do
  route(post, base .. "/batch/read", associations_read, { rate = "links" })
  route(post, base .. "/batch/create", associations_create(201), { rate = "links" })
  route(post, base .. "/batch/associate/default", associations_create(200, true), { rate = "links" })
  route(post, base .. "/batch/archive", associations_archive, { rate = "links" })
  route(get, base .. "/labels", association_labels)
end
route(get, "/crm/associations/v4/{from}/{to}/labels", association_labels)
for _, base in ipairs { "/crm/v3/properties/{type}", "/crm/properties/2026-03/{type}", "/crm/properties/2026-09/{type}" } do
  route(get, base, list_properties)
  route(post, base, create_property)
  route(get, base .. "/groups", property_groups)
  route(post, base .. "/batch/read", read_properties)
  route(get, base .. "/{name}", get_property)
  route(patch, base .. "/{name}", update_property)
  route(delete, base .. "/{name}", archive_property)
end
for _, base in ipairs { "/crm/v3/owners", "/crm/owners/2026-03", "/crm/owners/2026-09" } do
  route(get, base, list_owners)
  route(get, base .. "/{id}", get_owner)
end
for _, base in ipairs { "/crm/v3/pipelines/{type}", "/crm/pipelines/2026-03/{type}", "/crm/pipelines/2026-09/{type}" } do
  route(get, base, list_pipelines)
  route(get, base .. "/{id}", get_pipeline)
end
for _, base in ipairs { "/crm-object-schemas/v3/schemas", "/crm/v3/schemas", "/crm-object-schemas/2026-03/schemas", "/crm-object-schemas/2026-09/schemas" } do
  route(get, base, list_schemas)
  route(get, base .. "/{type}", get_schema)
end
for _, base in ipairs { "/account-info/v3", "/account-info/2026-03", "/account-info/2026-09" } do
  route(get, base .. "/details", account)
  route(get, base .. "/api-usage/daily/private-apps", usage)
end
for _, base in ipairs { "/oauth/v1", "/oauth/v3", "/oauth/2026-03" } do
  route(post, base .. "/token", grant, { open = true, rate = "oauth" })
  route(post, base .. "/token/introspect", introspect, { open = true, rate = "oauth" })
  route(post, base .. "/token/revoke", revoke, { open = true, rate = "oauth" })
end
route(get, "/oauth/v1/access-tokens/{token}", token_info, { open = true, rate = "oauth" })
route(get, "/oauth/v1/refresh-tokens/{token}", token_info, { open = true, rate = "oauth" })
route(delete, "/oauth/v1/refresh-tokens/{token}", revoke_refresh, { open = true, rate = "oauth" })
route(get, "/oauth/authorize", authorize, { open = true, rate = "oauth" })

local function rows(kind, count, make)
  return { count = count, key = "id", updated = "properties." .. kinds[kind].modified, archived = "archived", make = make, touch = touch_of(kind) }
end
local contacts, cars = rows("contact", 10000, make_contact), rows("car", 100, make_car)
contacts.unique, cars.unique = { "properties.email", "properties.hs_additional_emails" }, { "properties.vin" }

return emulator "hubspot" {
  title = "HubSpot",
  credentials = { accessToken = "pat-emulator", clientId = "emulator", clientSecret = "emulator-secret", refreshToken = "emulator-refresh" },
  data = {
    contact = contacts, company = rows("company", 1000, make_company), deal = rows("deal", 2000, make_deal), car = cars, ticket = rows("ticket", 0, nil),
    owner = { count = 120, fixed = true, key = "id", updated = "updatedAt", archived = "archived", make = make_owner },
  },
  rates = {
    default = { { "190/10s", headers = "X-HubSpot-RateLimit-*" }, "1000000/day" },
    search  = "5/s",
    links   = { "100/10s", "500000/day" }, -- calls for associations have limits of their own
    oauth   = "100/10s",
  },
  routes = routes,
  refused = refused, limited = limited, control = control, setup = setup,
  state = { made = {}, gone = {}, denied = {}, absorbed = {}, history = {}, next = {}, codes = {}, revoked = {}, retry = { after = false }, rotation = { on = false, count = 0 }, search = { delay = 0 }, links = { page = 500 } },
  hooks = { events = { sign = { "hubspot-v3", "hubspot-v1" }, make = events_for } },
}
