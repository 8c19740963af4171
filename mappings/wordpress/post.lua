-- A WordPress post, as its editor sees it (context=edit): texts as they were written stand in .raw; .rendered has the theme's changes
-- (an excerpt that nobody wrote is made up there).
return mapping "post" {
  from = "wordpress.post",
  key  = id "id",

  fields = {
    title       = text     "title.raw",
    slug        = text     "slug",
    status      = text     "status" { required = true },
    link        = url      "link" { on_error = "null" },
    content     = text     "content.raw",
    excerpt     = text     "excerpt.raw",
    author      = id       "author",
    categories  = list     "categories[]",
    tags        = list     "tags[]",
    image       = integer  "featured_media",
    sticky      = boolean  "sticky" { default = false },
    publishedAt = datetime "date_gmt" { zone = "UTC" },     -- neither stamp has a zone of its own; null for drafts
    updatedAt   = datetime "modified_gmt" { zone = "UTC" },
  },

  examples = {
    {
      given = [[{"id":12,"date_gmt":"2026-11-23T01:02:03","modified_gmt":"2026-11-23T01:02:04","slug":"moon","status":"publish","sticky":false,
                 "title":{"raw":"Moon & co","rendered":"Moon &amp; co"},"content":{"raw":"<p>near</p>"},
                 "excerpt":{"raw":"","rendered":"<p>near</p>"},"author":1,"categories":[1,5],"tags":[]}]],
      gives = { title = "Moon & co", status = "publish", content = "<p>near</p>", excerpt = null, author = "1", categories = { "1", "5" }, publishedAt = "2026-11-23T01:02:03.000Z", sticky = false },
    },
    { given = [[{"id":13,"status":"draft","date_gmt":null,"title":{"raw":""}}]], gives = { status = "draft", publishedAt = null } },
    { given = [[{"id":14,"title":{"raw":"no status"}}]], rejects = { status = "required" } },
  },
}
