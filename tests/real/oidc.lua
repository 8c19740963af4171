-- A small API behind an OAuth provider that is known by its issuer alone.
return connector "oidc" {
  base = "https://records.example",
  auth = oauth2 {
    issuer = "https://id.example",
    scopes = { "openid", "offline_access", "records" },
    grants = { "code", "device", "client_credentials", "jwt" },
    params = { prompt = "consent" },
  },
  check = get "/api/records" {},
  streams = {
    stream "record" {
      key = "id",
      full = get "/api/records" { records = "records", pages = cursor { read = "after", send = "query.after" } },
    },
  },
}
