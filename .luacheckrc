std = "lua54"
max_line_length = 200
read_globals = {
  "connector", "stream", "mapping", "emulator", "get", "post", "put", "patch", "delete", "since", "upto", "wanted", "setting", "secret", "parent", "record", "cursor", "link",
  "count", "token", "basic", "oauth2", "when", "rule", "null", "use", "text", "email", "url", "phone", "choice", "integer", "number", "decimal", "money", "boolean", "date",
  "datetime", "time", "uuid", "list", "json", "id", "rest", "decode", "encode",
}
ignore = { "212" }
