// The same job as the old design did it: fetch, JSON.parse, a function made from text for each field, zod, better-sqlite3, random UUIDs, 100 a transaction.
//   node old_design.mjs sync BASE_URL DATABASE        node old_design.mjs compare DATABASE PERILUNE_DATABASE
// The functions are made once, not for each record, which is kinder than the old design was.
import { createRequire } from "node:module";
import crypto from "node:crypto";
const require = createRequire(process.cwd() + "/");
const Database = require("better-sqlite3");
const { z } = require("zod");

const trim = "value == null || !String(value).trim() ? null : String(value).trim()";
const number = "value == null || value === '' || isNaN(+value) ? null : +value";
const rules = [
  ["email", "properties.email", "(v => v && /^[^\\s@,]+@[^\\s@,]+\\.[^\\s@,]+$/.test(v) ? v.toLowerCase() : null)(value == null ? null : value.trim())"],
  ["firstName", "properties.firstname", trim],
  ["lastName", "properties.lastname", trim],
  ["fullName", "properties", "value.firstname == null ? null : [value.firstname, value.lastname].filter(x => x != null).join(' ').trim()"],
  ["phone", "properties.phone", "value == null ? null : value.replace(/[^\\d+]/g, '')"],
  ["company", "properties.company", trim],
  ["jobTitle", "properties.jobtitle", trim],
  ["stage", "properties.lifecyclestage", "value ?? 'none'"],
  ["revenue", "properties.annualrevenue", number],
  ["employees", "properties.num_employees", number],
  ["optedOut", "properties.hs_email_optout", "value === 'true'"],
  ["createdAt", "properties.createdate", "(t => isNaN(t) ? null : new Date(t).toISOString())(value == null ? NaN : Date.parse(value))"],
].map(([name, path, text]) => ({ name, path: path.split("."), make: new Function("value", "record", "return " + text) }));

const text = z.string().nullable();
const shape = z.object({
  email: text, firstName: text, lastName: text, fullName: text, phone: text, company: text, jobTitle: text, stage: text,
  revenue: z.number().nullable(), employees: z.number().int().min(1).nullable(), optedOut: z.boolean(), createdAt: text,
});

function map(record) {
  const row = {};
  for (const rule of rules) {
    let value = record;
    for (const key of rule.path) value = value?.[key];
    row[rule.name] = rule.make(value ?? null, record);
  }
  const checked = shape.safeParse(row);
  if (!checked.success) throw checked.error;
  return checked.data;
}

async function sync(base, path) {
  const db = new Database(path);
  db.pragma("journal_mode = WAL");
  db.pragma("synchronous = NORMAL");
  db.exec(`CREATE TABLE integration_data(id TEXT PRIMARY KEY, integration_id TEXT NOT NULL, entity_type TEXT NOT NULL, external_id TEXT NOT NULL,
    data TEXT, raw_data TEXT, synced_at TEXT, created_at TEXT, updated_at TEXT, UNIQUE(integration_id, entity_type, external_id))`);
  const put = db.prepare(`INSERT INTO integration_data VALUES(?,?,?,?,?,?,?,?,?) ON CONFLICT(integration_id, entity_type, external_id)
    DO UPDATE SET data = excluded.data, raw_data = excluded.raw_data, synced_at = excluded.synced_at, updated_at = excluded.updated_at`);
  const integration = crypto.randomUUID();
  let records = 0;
  const page = db.transaction(list => {
    const now = new Date().toISOString();
    for (const record of list) {
      put.run(crypto.randomUUID(), integration, "contact", record.id, JSON.stringify(map(record)), JSON.stringify(record), now, now, now);
      records++;
    }
  });
  let after;
  do {
    const reply = await fetch(`${base}/crm/objects/2026-03/contacts?limit=100${after ? "&after=" + after : ""}`);
    if (!reply.ok) throw new Error(reply.status);
    const body = await reply.json();
    page(body.results);
    after = body.paging?.next?.after;
  } while (after);
  console.log(records);
}

// Both programs must have done the same work: their rows are compared value by value.
function compare(ours, theirs) {
  const rows = file => new Database(file, { readonly: true }).prepare("SELECT external_id AS id, data FROM integration_data WHERE entity_type = 'contact' ORDER BY 1").iterate();
  const other = rows(theirs);
  let same = 0, different = 0, first;
  for (const a of rows(ours)) {
    const b = other.next().value, x = JSON.parse(a.data), y = b && JSON.parse(b.data);
    if (b && a.id === b.id && rules.every(r => x[r.name] === y[r.name])) same++;
    else { different++; first ??= [x, y]; }
  }
  console.log(same, different);
  if (first) console.error("first difference:", JSON.stringify(first));
}

const [, , verb, ...args] = process.argv;
if (verb === "sync") await sync(...args);
else compare(...args);
