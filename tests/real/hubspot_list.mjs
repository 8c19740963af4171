// What HubSpot's own client lists, and changes made with it: the other side of a comparison with what perilune stored.
// node hubspot_list.mjs BASE_URL FOLDER list contacts|companies|deals     a line a record: [id, updatedAt, the properties compared, archived]
// node hubspot_list.mjs BASE_URL FOLDER change                            creates 3, updates 5, archives 2 contacts; prints their ids
import { createRequire } from 'node:module'
import { resolve } from 'node:path'

const [base, folder, what, type] = process.argv.slice(2)
const { Client } = createRequire(resolve(folder) + '/')('@hubspot/api-client')
const client = new Client({ accessToken: 'pat-emulator', basePath: base, numberOfApiCallRetries: 6 })
const compared = { contacts: ['email', 'firstname', 'lastname', 'lastmodifieddate'], companies: ['name', 'domain', 'hs_lastmodifieddate'], deals: ['dealname', 'amount', 'hs_lastmodifieddate'] }

if (what === 'list') {
  for (const r of await client.crm[type].getAll(100, undefined, compared[type])) {
    console.log(JSON.stringify([r.id, r.updatedAt.toISOString(), ...compared[type].map((p) => r.properties[p]), r.archived]))
  }
} else {
  const contacts = client.crm.contacts
  const ids = (await contacts.basicApi.getPage(100, undefined, ['email'])).results.filter((c) => /^[^@\s]+@[a-z.]+$/.test(c.properties.email ?? '')).map((c) => c.id)
  const created = []
  for (const n of [1, 2, 3]) created.push((await contacts.basicApi.create({ properties: { email: `made.by.the.client.${n}@example.com`, firstname: `Żoë ${n}` }, associations: [] })).id)
  const updated = (await contacts.batchApi.update({ inputs: ids.slice(0, 5).map((id) => ({ id, properties: { lastname: `Changed ${id}` } })) })).results.map((r) => r.id)
  for (const id of ids.slice(5, 7)) await contacts.basicApi.archive(id)
  console.log(JSON.stringify({ created, updated, archived: ids.slice(5, 7) }))
}
