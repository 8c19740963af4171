// HubSpot's own client for Node against the emulator: it must not notice the difference.
// node tests/real/hubspot_client.mjs http://127.0.0.1:PORT FOLDER_WITH_NODE_MODULES      (@hubspot/api-client 13.5.0 is installed there)
// Prints a line a test; exit 1 if anything failed.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'

const [base, folder] = process.argv.slice(2)
if (!base || !folder) {
  console.error('usage: node hubspot_client.mjs BASE_URL FOLDER')
  process.exit(2)
}
const { Client, Signature } = createRequire(resolve(folder) + '/')('@hubspot/api-client')
const client = new Client({ accessToken: 'pat-emulator', basePath: base, numberOfApiCallRetries: 0 })
const control = async (what, body) => {
  const reply = await fetch(`${base}/_emulator/${what}`, body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) })
  assert.ok(reply.ok, `${what}: ${reply.status}`)
  return reply.json()
}
const failsWith = async (status, work) => {
  try {
    await work()
  } catch (error) {
    assert.equal(error.code, status, `wanted ${status}: ${error.message}`)
    return error.body
  }
  return assert.fail(`wanted a ${status}`)
}

const began = Date.now()
let passed = 0, failed = 0
const test = async (name, work) => {
  try {
    await work()
    passed++
    console.log(`ok ${name}`)
  } catch (error) {
    failed++
    console.log(`not ok ${name}: ${error.stack}`)
  }
}

await control('reset', {})
await control('rate', { on: false })
const contacts = client.crm.contacts
const count = (await control('count')).contact

await test('getAll reads every contact once, with dates as Dates', async () => {
  const all = await contacts.getAll(100, undefined, ['email', 'firstname', 'loyalty_points'])
  assert.equal(all.length, count.live)
  assert.equal(new Set(all.map((c) => c.id)).size, all.length)
  assert.ok(all.every((c) => c.createdAt instanceof Date && c.updatedAt instanceof Date && c.archived === false))
  assert.ok(all.some((c) => c.properties.email === null) && all.some((c) => c.properties.email))
  assert.ok(all.every((c) => 'hs_object_id' in c.properties && 'lastmodifieddate' in c.properties && !('jobtitle' in c.properties)))
})
await test('getAll of companies, deals, archived contacts', async () => {
  const counts = await control('count')
  assert.equal((await client.crm.companies.getAll()).length, counts.company.live)
  assert.equal((await client.crm.deals.getAll(100, undefined, ['dealname', 'amount'])).length, counts.deal.live)
  const gone = await contacts.getAll(100, undefined, undefined, undefined, undefined, true)
  assert.equal(gone.length, counts.contact.archived)
  assert.ok(gone.every((c) => c.archived && c.archivedAt instanceof Date))
})
await test('a page with associations and history', async () => {
  const page = await contacts.basicApi.getPage(10, undefined, ['email'], ['email'], ['companies', 'deals'])
  assert.equal(page.results.length, 10)
  assert.ok(page.results.some((c) => c.associations?.companies?.results[0].id))
  assert.ok(page.results.some((c) => c.propertiesWithHistory?.email?.[0]?.timestamp instanceof Date))
  assert.ok(page.paging.next.after && page.paging.next.link.startsWith('https://api.hubapi.com/'))
})
await test('search pages through what a filter finds', async () => {
  const request = { filterGroups: [{ filters: [{ propertyName: 'lifecyclestage', operator: 'EQ', value: 'customer' }] }], sorts: ['-createdate'],
    properties: ['lifecyclestage', 'createdate'], limit: 20, after: '0' }
  const seen = new Set()
  let total
  for (;;) {
    const reply = await contacts.searchApi.doSearch(request)
    total = reply.total
    for (const c of reply.results) {
      assert.equal(c.properties.lifecyclestage, 'customer')
      seen.add(c.id)
    }
    if (!reply.paging) break
    request.after = reply.paging.next.after
  }
  assert.equal(seen.size, total)
  assert.ok(total > 20)
})
await test('search: operators', async () => {
  const find = async (...filters) => (await contacts.searchApi.doSearch({ filterGroups: [{ filters }], properties: ['email', 'lifecyclestage', 'loyalty_points'], limit: 100, after: '0', sorts: [] }))
  const one = (await find({ propertyName: 'email', operator: 'HAS_PROPERTY' })).results[0]
  assert.equal((await find({ propertyName: 'email', operator: 'EQ', value: one.properties.email.toUpperCase() })).total, 1)
  assert.equal((await find({ propertyName: 'hs_object_id', operator: 'LTE', value: one.id })).results.at(-1).id, one.id)
  const domain = await find({ propertyName: 'email', operator: 'CONTAINS_TOKEN', value: '*@example.org' })
  assert.ok(domain.total > 0 && domain.results.every((c) => c.properties.email.endsWith('@example.org')))
  const some = await find({ propertyName: 'lifecyclestage', operator: 'IN', values: ['lead', 'other'] })
  assert.ok(some.results.every((c) => ['lead', 'other'].includes(c.properties.lifecyclestage)))
  const rich = await find({ propertyName: 'loyalty_points', operator: 'BETWEEN', value: '1000', highValue: '50000' })
  assert.ok(rich.total > 0 && rich.results.every((c) => +c.properties.loyalty_points >= 1000 && +c.properties.loyalty_points <= 50000))
  const none = await find({ propertyName: 'email', operator: 'NOT_HAS_PROPERTY' })
  assert.ok(none.total > 0 && none.results.every((c) => c.properties.email === null))
  const words = await contacts.searchApi.doSearch({ query: 'corp.example', limit: 5, after: '0', sorts: [], properties: ['email'], filterGroups: [] })
  assert.ok(words.total > 0)
})
await test('search: mistakes answer 400', async () => {
  const ask = (more) => () => contacts.searchApi.doSearch({ filterGroups: [], limit: 10, after: '0', sorts: [], properties: [], ...more })
  for (const more of [{ limit: 201 }, { limit: 100, after: '9901' }, { after: 'x' }, { filterGroups: Array(6).fill({ filters: [] }) },
    { filterGroups: [{ filters: [{ propertyName: 'nope', operator: 'EQ', value: '1' }] }] }, { filterGroups: [{ filters: [{ propertyName: 'email', operator: 'BETWEEN', value: 'a' }] }] }]) {
    const body = await failsWith(400, ask(more))
    assert.equal(body.category, 'VALIDATION_ERROR')
  }
})
let made
await test('create, read, update, archive', async () => {
  made = await contacts.basicApi.create({ properties: { email: 'Node.Client@Example.com', firstname: 'Zoë', loyalty_points: '7', newsletter: 'true' }, associations: [] })
  assert.equal(made.properties.email, 'node.client@example.com')
  assert.equal(made.properties.hs_object_source, 'INTEGRATION')
  const read = await contacts.basicApi.getById(made.id, ['email', 'jobtitle', 'undefined_one'])
  assert.equal(read.properties.jobtitle, null)
  assert.ok(!('undefined_one' in read.properties))
  assert.equal((await contacts.basicApi.getById('node.client@example.com', undefined, undefined, undefined, undefined, 'email')).id, made.id)
  const changed = await contacts.basicApi.update(made.id, { properties: { firstname: 'Zoé', loyalty_points: '' } })
  assert.equal(changed.properties.firstname, 'Zoé')
  assert.ok(changed.updatedAt > made.updatedAt)
  const same = await contacts.basicApi.update(made.id, { properties: { firstname: 'Zoé' } })
  assert.equal(+same.updatedAt, +changed.updatedAt)
  await contacts.basicApi.archive(made.id)
  await contacts.basicApi.archive(made.id)
  await failsWith(404, () => contacts.basicApi.getById(made.id))
  assert.ok((await contacts.basicApi.getById(made.id, undefined, undefined, undefined, true)).archived)
})
await test('what is refused, and how', async () => {
  const taken = (await contacts.searchApi.doSearch({ filterGroups: [{ filters: [{ propertyName: 'email', operator: 'CONTAINS_TOKEN', value: '*@example.org' }] }], limit: 1, after: '0', sorts: [], properties: ['email'] })).results[0]
  const conflict = await failsWith(409, () => contacts.basicApi.create({ properties: { email: taken.properties.email } }))
  assert.equal(conflict.message, `Contact already exists. Existing ID: ${taken.id}`)
  for (const [properties, code] of [[{ email: 'nobody' }, 'INVALID_EMAIL'], [{ email: 'a@b.cc', nope: 1 }, 'PROPERTY_DOESNT_EXIST'], [{ email: 'a@b.cc', hs_object_id: '1' }, 'READ_ONLY_VALUE'],
    [{ email: 'a@b.cc', loyalty_points: 'many' }, 'INVALID_INTEGER'], [{ email: 'a@b.cc', hs_lead_status: 'NOPE' }, 'INVALID_OPTION']]) {
    const body = await failsWith(400, () => contacts.basicApi.create({ properties }))
    assert.ok(body.message.startsWith('Property values were not valid: ['), body.message)
    assert.equal(JSON.parse(body.message.slice(body.message.indexOf('[')))[0].error, code)
  }
  await failsWith(400, () => contacts.basicApi.create({ properties: { city: 'Nowhere' } }))
  await failsWith(404, () => contacts.basicApi.getById('999999999999'))
  await failsWith(400, () => contacts.basicApi.getPage(101))
  const lost = new Client({ accessToken: 'pat-nobody', basePath: base, numberOfApiCallRetries: 0 })
  assert.equal((await failsWith(401, () => lost.crm.contacts.basicApi.getPage(1))).category, 'INVALID_AUTHENTICATION')
})
await test('batches: create, read, update, upsert, archive', async () => {
  const created = await contacts.batchApi.create({ inputs: [1, 2, 3].map((n) => ({ properties: { email: `batch${n}@example.com`, firstname: `B${n}` }, associations: [], objectWriteTraceId: `t${n}` })) })
  assert.equal(created.status, 'COMPLETE')
  assert.equal(created.results.length, 3)
  const ids = created.results.map((r) => r.id)
  const read = await contacts.batchApi.read({ inputs: [...ids, '404'].map((id) => ({ id })), properties: ['firstname'], propertiesWithHistory: [] })
  assert.equal(read.results.length, 3)
  assert.equal(read.numErrors, 1)
  assert.deepEqual(read.errors[0].context.ids, ['404'])
  const byMail = await contacts.batchApi.read({ inputs: [{ id: 'BATCH2@example.com' }], idProperty: 'email', properties: ['email'], propertiesWithHistory: [] })
  assert.equal(byMail.results[0].id, ids[1])
  const updated = await contacts.batchApi.update({ inputs: ids.map((id) => ({ id, properties: { jobtitle: 'Tester' } })) })
  assert.ok(updated.results.every((r) => r.properties.jobtitle === 'Tester'))
  const upserted = await contacts.batchApi.upsert({ inputs: [{ id: 'batch1@example.com', idProperty: 'email', properties: { city: 'Łódź' } }, { id: 'batch9@example.com', idProperty: 'email', properties: { city: 'Ulm' } }] })
  assert.deepEqual(upserted.results.map((r) => r._new ?? r.new), [false, true])
  await contacts.batchApi.archive({ inputs: ids.map((id) => ({ id })) })
  assert.equal((await contacts.batchApi.read({ inputs: ids.map((id) => ({ id })), properties: [], propertiesWithHistory: [] })).results.length, 0)
  const partly = await contacts.batchApi.create({ inputs: [{ properties: { email: 'wrong' }, associations: [], objectWriteTraceId: 'x' }, { properties: { email: 'right@example.com' }, associations: [], objectWriteTraceId: 'y' }] })
  assert.equal(partly.results.length, 1)
  assert.deepEqual(partly.errors[0].context.objectWriteTraceId, ['x'])
  await failsWith(400, () => contacts.batchApi.read({ inputs: Array(101).fill({ id: '1' }), properties: [], propertiesWithHistory: [] }))
})
await test('merge keeps the survivor and resolves the absorbed id', async () => {
  const page = (await contacts.basicApi.getPage(30)).results.filter((c) => !c.properties.hs_merged_object_ids)
  const [a, b] = [page[20], page[21]]
  const merged = await client.crm.objects.basicApi.merge
    ? await client.crm.objects.basicApi.merge('contacts', { primaryObjectId: a.id, objectIdToMerge: b.id })
    : await contacts.basicApi.merge({ primaryObjectId: a.id, objectIdToMerge: b.id })
  assert.ok(merged.properties.hs_merged_object_ids.split(';').includes(b.id))
  assert.equal((await contacts.basicApi.getById(b.id)).id, a.id)
})
await test('properties: list, create, read, update, archive', async () => {
  const list = await client.crm.properties.coreApi.getAll('contacts')
  assert.ok(list.results.length > 35 && list.results.some((p) => p.name === 'favourite_colour' && p.hubspotDefined !== true))
  const created = await client.crm.properties.coreApi.create('contacts', { name: 'shoe_size', label: 'Shoe size', type: 'number', fieldType: 'number', groupName: 'contactinformation' })
  assert.equal(created.name, 'shoe_size')
  await client.crm.properties.coreApi.update('contacts', 'shoe_size', { label: 'Size of shoe' })
  assert.equal((await client.crm.properties.coreApi.getByName('contacts', 'shoe_size')).label, 'Size of shoe')
  await client.crm.properties.coreApi.archive('contacts', 'shoe_size')
  await failsWith(404, () => client.crm.properties.coreApi.getByName('contacts', 'shoe_size'))
})
await test('owners, pipelines, schemas', async () => {
  const first = await client.crm.owners.ownersApi.getPage()
  assert.equal(first.results.length, 100)
  const second = await client.crm.owners.ownersApi.getPage(undefined, first.paging.next.after)
  assert.equal(second.results.length, 20)
  assert.equal((await client.crm.owners.ownersApi.getById(+first.results[3].id)).email, first.results[3].email)
  const pipelines = await client.crm.pipelines.pipelinesApi.getAll('deals')
  assert.equal(pipelines.results[0].stages.length, 7)
  const schemas = await client.crm.schemas.coreApi.getAll()
  assert.equal(schemas.results[0].name, 'car')
  const cars = await client.crm.objects.basicApi.getPage(schemas.results[0].objectTypeId, 5, undefined, ['model', 'vin'])
  assert.ok(cars.results.length > 0 && cars.results[0].properties.vin)
})
await test('associations v4', async () => {
  const page = await contacts.basicApi.getPage(5, undefined, undefined, undefined, ['companies'])
  const linked = page.results.find((c) => c.associations)
  const links = await client.crm.associations.v4.basicApi.getPage('contacts', linked.id, 'companies')
  assert.equal(String(links.results[0].toObjectId), linked.associations.companies.results[0].id)
  assert.equal(links.results[0].associationTypes[0].category, 'HUBSPOT_DEFINED')
  const batch = await client.crm.associations.v4.batchApi.getPage('contacts', 'companies', { inputs: page.results.map((c) => ({ id: c.id })) })
  assert.ok(batch.results.length >= 1)
  const deal = (await client.crm.deals.basicApi.getPage(1)).results[0]
  await client.crm.associations.v4.basicApi.create('contacts', linked.id, 'deals', deal.id, [{ associationCategory: 'HUBSPOT_DEFINED', associationTypeId: 4 }])
  assert.ok((await client.crm.associations.v4.basicApi.getPage('deals', deal.id, 'contacts')).results.some((r) => String(r.toObjectId) === linked.id))
  await client.crm.associations.v4.basicApi.archive('contacts', linked.id, 'deals', deal.id)
  assert.ok(!(await client.crm.associations.v4.basicApi.getPage('contacts', linked.id, 'deals')).results.some((r) => String(r.toObjectId) === deal.id))
})
await test('OAuth: refresh, use, expiry', async () => {
  const tokens = await client.oauth.tokensApi.create('refresh_token', undefined, undefined, 'emulator', 'emulator-secret', 'emulator-refresh')
  assert.equal(tokens.expiresIn, 1800)
  assert.equal(tokens.refreshToken, 'emulator-refresh')
  const other = new Client({ accessToken: tokens.accessToken, basePath: base, numberOfApiCallRetries: 0 })
  assert.equal((await other.crm.contacts.basicApi.getPage(1)).results.length, 1)
  await control('expire', { now: true })
  const body = await failsWith(401, () => other.crm.contacts.basicApi.getPage(1))
  assert.equal(body.category, 'EXPIRED_AUTHENTICATION')
  const bad = await failsWith(400, () => client.oauth.tokensApi.create('refresh_token', undefined, undefined, 'emulator', 'emulator-secret', 'nonsense'))
  assert.equal(bad.status, 'BAD_REFRESH_TOKEN')
})
await test('all families of paths answer alike', async () => {
  const ask = async (path, method = 'GET', body = undefined) => (await client.apiRequest({ method, path, body })).json()
  const families = ['/crm/v3/objects/', '/crm/objects/2026-03/', '/crm/objects/2025-09/']
  const pages = await Promise.all(families.map((f) => ask(`${f}contacts?limit=7&properties=email&after=1040`)))
  const first = (await contacts.basicApi.getPage(7, '1040', ['email'])).results
  for (const page of pages) {
    assert.deepEqual(page.results, pages[0].results)
    assert.equal(page.paging.next.after, pages[0].paging.next.after)
    assert.deepEqual(page.results.map((c) => c.id), first.map((c) => c.id))
  }
  const query = { filterGroups: [{ filters: [{ propertyName: 'lifecyclestage', operator: 'EQ', value: 'customer' }] }], limit: 9 }
  const found = await Promise.all(families.map((f) => ask(`${f}contacts/search`, 'POST', query)))
  const read = await Promise.all(families.map((f) => ask(`${f}contacts/batch/read`, 'POST', { inputs: first.map(({ id }) => ({ id })), properties: ['city'] })))
  for (let i = 1; i < families.length; i++) {
    assert.deepEqual([found[i].total, found[i].results], [found[0].total, found[0].results])
    assert.deepEqual(read[i].results, read[0].results)
  }
  const lists = await Promise.all(['/crm/v3/owners?limit=3', '/crm/owners/2026-03?limit=3', '/crm/v3/pipelines/deals', '/crm/pipelines/2026-03/deals',
    '/crm/v3/properties/contacts', '/crm/properties/2026-03/contacts'].map((path) => ask(path)))
  for (const i of [0, 2, 4]) assert.deepEqual(lists[i].results, lists[i + 1].results)
})
await test('webhook deliveries that the client calls signed', async () => {
  const secret = 'a-secret-of-the-app'
  let arrived
  const one = () => new Promise((done) => { arrived = done })
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (text) => { body += text }).on('end', () => {
      response.end()
      arrived({ url: request.url, headers: request.headers, body })
    })
  })
  await new Promise((done) => server.listen(0, '127.0.0.1', done))
  try {
    const url = `http://127.0.0.1:${server.address().port}/hook?app=1`
    await control('webhooks', { url, secret })
    const waiting = one()
    const { id } = (await contacts.basicApi.getPage(5)).results[4]
    await contacts.basicApi.update(id, { properties: { firstname: 'Hooked “Ω”' } })
    const got = await waiting
    const given = { clientSecret: secret, requestBody: got.body }
    const h = got.headers
    const v3 = { ...given, signatureVersion: 'v3', method: 'POST', url, signature: h['x-hubspot-signature-v3'], timestamp: +h['x-hubspot-request-timestamp'] }
    assert.ok(Signature.isValid(v3), 'v3')
    assert.ok(Signature.isValid({ ...given, signatureVersion: 'v1', signature: h['x-hubspot-signature'] }), 'v1')
    assert.ok(!Signature.isValid({ ...v3, requestBody: got.body + ' ' }))
    assert.ok(!Signature.isValid({ ...v3, clientSecret: 'another' }))
    const events = JSON.parse(got.body)
    assert.ok(events.some((e) => String(e.objectId) === id && e.subscriptionType === 'contact.propertyChange' && e.propertyName === 'firstname'), got.body)
  } finally {
    server.closeAllConnections()
    server.close()
  }
})
await test('limits: 429 in HubSpot\'s words, and the client waits by itself', async () => {
  await control('rate', { on: true, search: '2/s' })
  const ask = () => contacts.searchApi.doSearch({ filterGroups: [], limit: 1, after: '0', sorts: [], properties: [] })
  const replies = await Promise.allSettled([ask(), ask(), ask(), ask()])
  const refused = replies.filter((r) => r.status === 'rejected')
  assert.ok(refused.length >= 1)
  assert.equal(refused[0].reason.code, 429)
  assert.equal(refused[0].reason.body.policyName, 'SECONDLY')
  const patient = new Client({ accessToken: 'pat-emulator', basePath: base, numberOfApiCallRetries: 3 })
  const waited = await Promise.all([1, 2, 3].map(() => patient.crm.contacts.searchApi.doSearch({ filterGroups: [], limit: 1, after: '0', sorts: [], properties: [] })))
  assert.equal(waited.length, 3)
  await control('reset', {})
})

console.log(`figure client: ${passed + failed} tests, ${((Date.now() - began) / 1000).toFixed(1)} s`)
process.exit(failed ? 1 : 0)
