-- A HubSpot owner: a person or a queue that records belong to.
return mapping "owner" {
  from = "hubspot.owner",
  key  = id "id",

  fields = {
    email     = email    "email" { on_error = "null" }, -- queues have none that means anything
    firstName = text     "firstName",
    lastName  = text     "lastName",
    fullName  = text     { "firstName", "lastName" } { join = " " },
    kind      = text     "type",
    userId    = integer  { "userId", "userIdIncludingInactive" },
    teams     = list     "teams[].name",
    archived  = boolean  "archived" { default = false },
    createdAt = datetime "createdAt",
    updatedAt = datetime "updatedAt",
  },

  examples = {
    {
      given = [[{"id":"7","email":"Rui@Example.com","type":"PERSON","firstName":"Rui","lastName":"Luz","userId":null,"userIdIncludingInactive":5,
                 "teams":[{"id":"1","name":"North"},{"id":"2","name":"South"}]}]],
      gives = { email = "rui@example.com", fullName = "Rui Luz", userId = 5, teams = { "North", "South" }, archived = false },
    },
  },
}
