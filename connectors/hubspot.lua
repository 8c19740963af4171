-- HubSpot CRM: contacts, companies, deals, owners, pipelines, the links between records, and the account's own objects.
-- This file only describes the API. The core holds the credential, sends the requests and keeps to the limits.

-- Paths differ between the two families of the API; `versions` below spells both, and these three are filled from the one in force.
local objects, properties, links = setting "objects", setting "properties", setting "associations"

-- One kind of CRM record. `modified` is its property that moves with every change: contacts have a name of their own for it.
local function crm(entity, path, modified)
  local stamp = "properties." .. modified

  -- A search is read by stamp: HubSpot's own `after` is an offset there, so a record edited meanwhile would slide past it.
  -- The names wanted are left out when they grow long (a search's body may hold 3,000 characters); records then come by `fetch`.
  local function search(sort, filters, ties)
    return post(objects .. path .. "/search") {
      rate  = "search",
      body  = {
        limit        = 200,
        properties   = wanted "properties" { most = "2KB" },
        filterGroups = { { filters = filters } },
        sorts        = { { propertyName = sort, direction = "ASCENDING" } },
      },
      pages = { "again", most = 200 },
      ties  = ties,
    }
  end

  -- HubSpot writes the stamps of its filters as text; joining makes one of the number.
  local from, to = "" .. since "ms", "" .. upto "ms"

  -- An import stamps thousands of records alike: inside one stamp the search goes on by id.
  local ties = search("hs_object_id", {
    { propertyName = modified, operator = "EQ", value = from },
    { propertyName = "hs_object_id", operator = "GT", value = record "id" },
  })

  return stream(entity) {
    key      = "id",
    updated  = datetime(stamp),
    overlap  = "10m", -- a change takes seconds to minutes to become searchable
    merged   = { "properties.hs_merged_object_ids", split = ";" },
    discover = get(properties .. path) {
      pages = "none",
      gives = { name = "name", label = "label", type = "type", options = "options", readonly = "modificationMetadata.readOnlyValue" },
    },
    full     = get(objects .. path) { query = { limit = 100, properties = wanted "properties" { most = "5KB" } } },
    changes  = search(modified, { { propertyName = modified, operator = "BETWEEN", value = from, highValue = to } }, ties),
    archived = get(objects .. path) { query = { limit = 100, archived = true } },
    fetch    = post(objects .. path .. "/batch/read") {
      batch = 100, pages = "none", match = "id",
      body  = { properties = wanted "properties", inputs = { { id = record "id" } } },
    },
    write    = {
      create = post(objects .. path .. "/batch/create") {
        batch = 100, records = "results", match = "objectWriteTraceId", gives = { key = "id" },
        body  = { inputs = { { properties = record "properties", objectWriteTraceId = record "trace:" } } },
      },
      update = patch(objects .. path .. "/" .. record "id") { body = { properties = record "properties" } },
      remove = delete(objects .. path .. "/" .. record "id") {},
    },
  }
end

-- Links from one kind to another, a record for each. A record without links is no error: it answers 207 with a note, which is read as "none".
local function linked(from, to)
  return stream(from .. "_" .. to) {
    each  = from,
    key   = { "parent:from.id", "toObjectId" },
    sweep = "1d", -- a new link does not touch the record's own date
    full  = post(links .. from .. "/" .. to .. "/batch/read") {
      batch = 1000, rate = "links", records = "results[].to[]", match = "parent:from.id",
      body  = { inputs = { { id = parent "id" } } },
      pages = cursor { read = "results[].paging.next.after", send = "body.inputs[].after" }, -- each record's list has pages of its own
    },
  }
end

return connector "hubspot" {
  title         = "HubSpot",
  category      = "CRM",
  popular       = true,
  description   = "Contacts, companies, deals, owners and pipelines of a HubSpot account, with their links and custom objects",
  documentation = "https://developers.hubspot.com/docs",

  base = "https://api.hubapi.com",
  auth = {
    token "accessToken", -- of a private app or a service key; it does not expire
    oauth2 {
      authorize = "https://app.hubspot.com/oauth/authorize", token = setting "oauth", revoke = setting "oauth" .. "/revoke",
      scopes    = { "crm.objects.contacts.read", "crm.objects.companies.read", "crm.objects.deals.read" },
    },
  },

  versions = { -- the first is the default
    "2026-03", "v3",
    ["2026-03"] = {
      objects = "/crm/objects/2026-03/", properties = "/crm/properties/2026-03/", pipelines = "/crm/pipelines/2026-03/",
      associations = "/crm/associations/2026-03/", owners = "/crm/owners/2026-03", account = "/account-info/2026-03/details",
      oauth = "https://api.hubapi.com/oauth/2026-03/token",
    },
    v3 = {
      objects = "/crm/v3/objects/", properties = "/crm/v3/properties/", pipelines = "/crm/v3/pipelines/",
      associations = "/crm/v4/associations/", owners = "/crm/v3/owners", account = "/account-info/v3/details",
      oauth = "https://api.hubapi.com/oauth/v1/token",
    },
  },

  -- The smallest plan's limits; accounts with more say so in their replies. A search's replies say nothing, so it stays below its 5 a second.
  rates = {
    default = {
      { "100/10s", left = "header:X-HubSpot-RateLimit-Remaining", size = "header:X-HubSpot-RateLimit-Max" },
      { "250000/day", left = "header:X-HubSpot-RateLimit-Daily-Remaining" },
    },
    search = "4/s",
    links  = "100/10s",
  },

  pages   = cursor { read = "paging.next.after", send = "query.after" },
  records = "results",
  reason  = { "message", "error_description" },
  check   = get(setting "account") {
    records = "", pages = "none", keep = { portal = "portalId", zone = "timeZone", currency = "companyCurrency" },
  },

  on = {
    [207] = "ok", -- what was found stands in results; the rest is named in errors
    [401] = when "context.expire time[0]" {
      ["1970-*"] = { "stop", say = "this is not a HubSpot token" }, -- HubSpot calls a text that is no token "expired since 1970"
      otherwise  = "refresh",
    },
    [403] = { "missing", say = "the token lacks a scope" },
    [404] = "skip",
    [423] = { "retry", wait = "2s" },
    [429] = when "policyName" {
      DAILY     = { "wait", till = "midnight", zone = "setting:zone" },
      SECONDLY  = { "wait", time = "1s" },
      otherwise = { "wait", time = "10s" },
    },
    [477] = { "wait", read = "header:Retry-After", most = "24h" }, -- the account is being moved between regions
  },

  streams = {
    crm("contact", "contacts", "lastmodifieddate"),
    crm("company", "companies", "hs_lastmodifieddate"),
    crm("deal", "deals", "hs_lastmodifieddate"),
    stream "owner"    { key = "id", full = get(setting "owners") { query = { limit = 100 } } },
    stream "pipeline" { key = "id", full = get(setting "pipelines" .. "deals") { pages = "none" } },
    linked("contact", "company"),
    linked("deal", "contact"),
    linked("deal", "company"),
  },

  more = { -- a stream for each custom object that the account has; most plans have none and answer 403
    {
      read = get "/crm-object-schemas/v3/schemas" { pages = "none" },
      make = function(schema)
        if not schema.archived then return crm(schema.name, schema.objectTypeId, "hs_lastmodifieddate") end
      end,
    },
  },

  hooks = {
    events = {
      verify  = { "hubspot-v3", "hubspot-v1", key = "clientSecret" },
      records = "[]",
      account = "portalId",
      id      = { "eventId", "subscriptionId", "occurredAt" },
      events  = when "subscriptionType" {
        ["contact.deletion"]        = { removed = "contact", id = "objectId" },
        ["company.deletion"]        = { removed = "company", id = "objectId" },
        ["deal.deletion"]           = { removed = "deal", id = "objectId" },
        ["contact.privacyDeletion"] = { erased = "contact", id = "objectId" },
        ["contact.merge"]           = { { changed = "contact", id = "newObjectId" }, { removed = "contact", id = "mergedObjectIds[]" } },
        ["contact.*"]               = { changed = "contact", id = "objectId" },
        ["company.*"]               = { changed = "company", id = "objectId" },
        ["deal.*"]                  = { changed = "deal", id = "objectId" },
        otherwise                   = "ignore",
      },
    },
  },
}
