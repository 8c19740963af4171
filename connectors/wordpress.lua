-- WordPress 5.7 and later: posts, pages, categories and tags of a site, by the REST API that every WordPress brings.
-- The user needs the right to edit posts, and an application password (Users > Profile > Application Passwords).

local api = setting "api" -- see versions

-- Posts and pages. They are asked for in every status, the trash too: so trashing a post moves it nowhere in the list, and it is read as a deletion.
-- Pages are numbered, and what is numbered must not move while it is read. By id nothing moves (by date, every edit would jump to the end and the
-- post behind it would be missed; stamps have whole seconds, so page edges fall between equal ones all the time). A post that is deleted for good
-- while the list is read still pulls another one over a page's edge, past the reader: that one is asked for by its id before it counts as gone, and
-- if it was new the daily sweep finds it. The sweep also finds new posts with an old date, which WordPress stamps as modified on that date: no
-- question for what changed since then shows them.
local function written(entity, path)
  local function list(extra)
    local query = {
      context = "edit", status = setting "statuses", per_page = 100, orderby = "id", order = "asc",
    }
    for name, value in pairs(extra) do query[name] = value end
    return get(api .. "/wp/v2/" .. path) { query = query }
  end
  return stream(entity) {
    key     = "id",
    updated = datetime "modified_gmt" { zone = "UTC" }, -- written without a zone
    removed = { "status", "trash" },
    overlap = "2s", -- modified_after leaves out its own second
    sweep   = "1d",
    full    = list {},
    changes = list { modified_after = since "%Y-%m-%dT%H:%M:%SZ" }, -- with its zone: else WordPress takes it for the site's local time
    fetch   = get(api .. "/wp/v2/" .. path) {
      batch = 100, match = "id", pages = "none",
      query = { context = "edit", status = setting "statuses", per_page = 100, include = { record "id" } },
    },
  }
end

-- Categories and tags have no stamps: they are read whole.
local function term(entity, path)
  return stream(entity) {
    key  = "id",
    full = get(api .. "/wp/v2/" .. path) { query = { context = "edit", per_page = 100, orderby = "id", order = "asc" } },
  }
end

return connector "wordpress" {
  title         = "WordPress",
  category      = "CMS",
  popular       = true,
  description   = "Posts, pages, categories and tags of a WordPress site",
  documentation = "https://developer.wordpress.org/rest-api/",

  settings = {
    url  "site"     { required = true, description = "the site's address: https://blog.example.org" },
    text "user"     { required = true, description = "the user that the application password belongs to" },
    text "statuses" { default = "publish,future,draft,pending,private,trash", description = "narrower for a user with fewer rights: publish" },
  },
  base = setting "site",
  auth = basic "applicationPassword" { user = setting "user" },

  -- Not versions of the API but its two addresses: the first works whatever the site's permalinks are, the second is for sites
  -- whose proxy takes `rest_route` away.
  versions = {
    "rest_route", "wp-json",
    rest_route  = { api = "/?rest_route=" },
    ["wp-json"] = { api = "/wp-json" },
  },

  rates   = { default = "20/s" }, -- WordPress has none; a small site is still somebody's
  pages   = count { send = "query.page", total = "header:X-WP-TotalPages" },
  records = "[]",
  reason  = "message",
  check   = get(api .. "/wp/v2/users/me") { query = { context = "edit" }, records = "", pages = "none" },

  on = {
    [400] = when "code" {
      rest_post_invalid_page_number = "done", -- the list became shorter while it was read
      otherwise = "stop",
    },
    [401] = { "reconnect", say = "WordPress does not know this user with this application password; over plain http it accepts none unless WP_ENVIRONMENT_TYPE is local" },
    [403] = { "missing", say = "this user may not edit these" },
    [404] = when "code" {
      rest_no_route = { "stop", say = "this WordPress has no such route; it needs version 5.7" },
      ["*"]         = "skip",
      otherwise     = { "stop", say = "nothing there speaks WordPress's REST API; see --setting site and version" },
    },
  },

  streams = {
    written("post", "posts"),
    written("page", "pages"),
    term("category", "categories"),
    term("tag", "tags"),
  },
}
