---@meta perilune
-- Declarations of perilune's words for the Lua language server; written by `make docs` from src/spec.

---@class perilune.node
---@class perilune.hole: perilune.node
---@operator concat(perilune.hole|string|number): perilune.hole
---@alias perilune.slot string|number|boolean|perilune.hole|perilune.when
---@class perilune.request: perilune.node
---@class perilune.pager: perilune.node
---@class perilune.auth: perilune.node
---@class perilune.stream: perilune.node
---@class perilune.rule: perilune.node
---@class perilune.kind: perilune.node
---@class perilune.when: perilune.node

---Work that the API does by itself: start it, ask until it is done, read the result.
---@class perilune.job
---@field create perilune.request Starts the job; its reply is stored, and parent reads it in the other steps.
---@field poll? perilune.request Asks how far the job is, every so often, until its done says so.
---@field read perilune.request Reads the result, page by page.
---@field drop? perilune.request Removes the job; sent always, also after a failure or a restart.

---The same request once more while records come, its holes having moved on.
---@class perilune.again
---@field [integer] any
---@field most? integer How many records a full page has; a page with fewer is the last.

---What marks a record as deleted: a path, or a path and the value it then has.
---@class perilune.removed
---@field [integer] any

---How a reply is written.
---@class perilune.format
---@field [integer] any
---@field null? string The text that stands for no value in a CSV.
---@field delimiter? string What stands between the columns of a CSV. Default: ,.

---Where a record names those that it has absorbed.
---@class perilune.merged
---@field [integer] any
---@field split? string Cuts a text of several keys at this text.

---Which part of a reply means what.
---@class perilune.gives
---@field name? string A field's name.
---@field label? string Its label for people.
---@field type? string Its type, in the API's words.
---@field options? string Its choices.
---@field relation? string The name under which records that it refers to are nested.
---@field readonly? string True where the field can't be written.
---@field skip? string|(string)[] Types to leave out.
---@field key? string The id that a write gave.

---How rows go back to the API.
---@class perilune.write
---@field create? perilune.request Makes a record.
---@field update? perilune.request Changes a record.
---@field upsert? perilune.request Makes or changes a record by a key of ours.
---@field remove? perilune.request Removes a record.

---So much in such a time, and where replies tell how much is left.
---@class perilune.limit
---@field [integer] any
---@field left? string Where a reply says what is left: "header:X-RateLimit-Remaining".
---@field size? string Where a reply says how much there is in all.
---@field reset? string Where a reply says when it is full again: seconds, a stamp or a date.
---@field used? string Where a reply says what is used up.
---@field pattern? string A Lua pattern that takes the numbers out of left, size or used: used first, then size.
---@field burst? integer How much may be spent at once, where that is less than the whole.
---@field per? string One budget for each value of this: "parent:id".

---How streams are found that only the account knows.
---@class perilune.more
---@field read? perilune.request|perilune.when The request whose records each may become a stream.
---@field each? string A stream whose records each may become a stream.
---@field make function A function of the record (and its parent) that gives a stream, or nil.

---What an event means for a stream.
---@class perilune.event
---@field changed? string A record of this stream changed: fetch it by id, or take it from record, or read the stream's changes.
---@field removed? string A record of this stream is gone.
---@field erased? string A record of this stream must be forgotten, its raw form too.
---@field id? string|(string)[] Where the record's key stands.
---@field record? string Where all of the record stands, if the event holds it.

---A webhook that the API sends.
---@class perilune.hook
---@field verify? perilune.verify|"hubspot-v3"|"hubspot-v2"|"hubspot-v1"|"stripe"|"github"|"slack"|"shopify"|"standard-webhooks"|"hmac-sha256"|"hmac-sha1"|"hmac-sha512" How a delivery proves that the API sent it.
---@field records? string Where the events stand in a delivery: "[]" if it is a list.
---@field account? string What tells which integration the delivery is for.
---@field id? string|(string)[] What names a delivery, so that one that comes twice counts once.
---@field events? perilune.when|perilune.event|"ignore"|(perilune.event|"ignore")[] What each event means.
---@field answer? any|perilune.when What the API wants to hear at once.

---How a delivery proves where it comes from: a known scheme, several (the first whose header is there counts), or an HMAC spelled out.
---@class perilune.verify
---@field [integer] any
---@field key? string The name of the credential that signs.
---@field header? string The header with the signature.
---@field prefix? string What stands before the signature there.
---@field encoding? "hex"|"base64" How the signature is written. Default: hex.
---@field over? perilune.slot What is signed: texts and holes such as record "body:". Default: the body.
---@field time? string Where the moment of sending stands.
---@field within? string How old a delivery may be. Default: 5m.

---A record and what must become of it.
---@class perilune.example
---@field given string A record as the API sends it, as JSON text.
---@field gives? table The row that it must give, compared where named; null means null.
---@field rejects? table<string, string> The fields that must be rejected, each with its code.
---@field rows? any[] The rows that it must give, in order, where the mapping has rows.

---A table of an emulator.
---@class perilune.data
---@field count? integer How many rows to make. Default: 0.
---@field key? string|(string)[] The path of a row's key. Default: id.
---@field updated? string The path of a row's stamp, set whenever the row changes.
---@field created? string The path of the stamp of its making.
---@field archived? string The path that is true in archived rows.
---@field unique? string|(string)[] Paths whose values belong to one row only; a text is cut at ";", and its case is ignored.
---@field fixed? boolean Another number of records, asked for on the command line, leaves this table as it is. Default: false.
---@field make? function A function of the row's number, a source of chance and the tables' counts; gives the row, or nil for none.
---@field touch? function A function of a row, what happens to it (create, change, archive, restore) and when; changes the row, or gives another.

---A limit that an emulator holds callers to.
---@class perilune.emulated_limit
---@field [integer] any
---@field headers? string The headers that tell what is left: "X-RateLimit-*".

---A webhook that an emulator sends.
---@class perilune.emulated_hook
---@field sign? string|(string)[] The schemes that it signs with.
---@field key? string The name of the credential that signs. Default: clientSecret.
---@field batch? integer How many events one delivery holds as a list; 1: each event by itself, without a list. Default: 100.
---@field make function A function of a change; gives the event, a list of events, or nil.

---@class perilune.connector.options
---@field title? string The API's name as people write it.
---@field category? string What kind of system it is: "CRM", "Shop".
---@field platform? string The platform that the API belongs to. Default: its name.
---@field popular? boolean Is listed first. Default: false.
---@field documentation? string The URL of the API's own documentation.
---@field description? string One sentence for the list of connectors.
---@field base perilune.slot The URL that all paths start from; a setting may be its whole, or one label of its host.
---@field hosts? string|(string)[] Patterns that a host kept from a reply must match: "*.my.salesforce.com".
---@field auth? perilune.auth|(perilune.auth)[] How requests prove who they are; of several, one is chosen when an integration is added.
---@field settings? perilune.kind|(perilune.kind)[] What the operator is asked for, in this order: kinds with a setting's name.
---@field versions? table The API's versions; the first is the default, and each may bring fragments that setting "NAME" reads.
---@field headers? table<string, perilune.slot> Headers of every request.
---@field query? table<string, any> Entries of every request's query.
---@field rates? table<string, perilune.limit|string|(perilune.limit|string)[]> How much may be asked: a class, or several, such as default = "100/10s".
---@field pages? perilune.pager|perilune.again|"again"|"none" How the next page is asked for, unless a request says otherwise. Default: none.
---@field records? string Where the records stand in replies, unless a request says otherwise.
---@field format? perilune.format|"json"|"ndjson"|"csv"|"xml" How replies are written, unless a request says otherwise. Default: json.
---@field reason? string|(string)[] Where a failed reply says in words what is wrong.
---@field timeout? string How long a whole reply may take. Default: 60s.
---@field check? perilune.request The cheapest request that proves the connection; it may keep values of its reply.
---@field on? table What answers mean: actions by status (404, "5xx"), or by a value with when.
---@field streams? perilune.stream|(perilune.stream)[] The kinds of record that the API has.
---@field more? perilune.more|(perilune.more)[] Streams that only the account knows; found by asking it.
---@field hooks? table<string, perilune.hook> Webhooks that the API sends, by a name that becomes part of their URL.
---@field once? string The header that makes a repeated write safe.
---@class perilune.connector.made: perilune.node
---@overload fun(options: perilune.connector.options): perilune.node
---One API: where it is, how it is asked, what its answers mean.
---@param what string
---@return perilune.connector.made
function connector(what) end

---@class perilune.stream.options
---@field key string|(string)[] The path of the record's id; several are joined with a colon.
---@field full? perilune.request|perilune.when|perilune.job The request that reads everything.
---@field changes? perilune.request|perilune.when|perilune.job The request that reads what changed since the last run; without it full is asked each time.
---@field archived? perilune.request|perilune.when|perilune.job A request whose records are all deletions.
---@field fetch? perilune.request The request that reads records by their keys.
---@field updated? perilune.kind The field that says when a record changed; its kind decides how two of them compare.
---@field overlap? string Starts so much earlier than the last stamp seen, once per run; 0s where stamps are dates or numbers. Default: 1m.
---@field lag? string Ends so much before now, for APIs that show changes late. Default: 0s.
---@field window? string Asks in slices of at most this length.
---@field each? string|table Asked once per record of another stream, or per item of a list: "issue", { repo = setting "repositories" }.
---@field visit? "changed"|"all" Which of those records are asked for in a run: changed ones, or all. Default: changed.
---@field sweep? string How often everything is read again, to find deletions and changes that move no stamp.
---@field merged? perilune.merged|string Paths with the keys of records that this one has absorbed.
---@field discover? perilune.request The request that lists the fields which the account has.
---@field events? perilune.when|perilune.event|"ignore"|(perilune.event|"ignore")[] The stream's records are events about other streams: what each one means.
---@field store? boolean Whether its records are kept. Default: true.
---@field after? string|(string)[] Streams that are read before this one.
---@field write? perilune.write How rows go back to the API.
---@field pull? function A function that does the paging itself, for what the words can't describe.
---@field removed? perilune.removed|string As the option of a request, for all of its requests.
---@field records? string As the option of a request, for all of its requests. Default: the connector's.
---@field pages? perilune.pager|perilune.again|"again"|"none" As the option of a request, for all of its requests. Default: the connector's.
---@field format? perilune.format|"json"|"ndjson"|"csv"|"xml" As the option of a request, for all of its requests. Default: the connector's.
---@field rate? string As the option of a request, for all of its requests. Default: default.
---@field on? table As the option of a request, for all of its requests. Default: the connector's.
---@class perilune.stream.made: perilune.stream
---@overload fun(options: perilune.stream.options): perilune.stream
---One kind of record of the API.
---@param what string
---@return perilune.stream.made
function stream(what) end

---@class perilune.mapping.options
---@field from? string The connector and stream that it reads: "hubspot.contact".
---@field key? perilune.kind|string|(string)[] The row's external id. Default: the stream's key.
---@field rows? string One row for each element found here; the rows of a record are replaced as a set.
---@field fields? table<string, perilune.kind|perilune.when|table> Our fields: a name and what it reads; a plain table is an object of ours.
---@field rules? perilune.rule|(perilune.rule)[] Rules about the whole row.
---@field examples? perilune.example|(perilune.example)[] Records and the rows they must give; a file whose example fails is refused.
---@field extends? string Starts from another mapping file: "hubspot/contact".
---@field integration? string Holds for this integration only.
---@field change? table<string, table> Options of fields that extends brought: { email = { required = false } }.
---@field drop? string|(string)[] Fields that extends brought and that are not wanted.
---@class perilune.mapping.made: perilune.node
---@overload fun(options: perilune.mapping.options): perilune.node
---How records of a stream become our rows.
---@param what string
---@return perilune.mapping.made
function mapping(what) end

---@class perilune.emulator.options
---@field title? string The API's name as people write it.
---@field base? string A path that all routes start with.
---@field credentials? table<string, string> The names and values of the secrets that it accepts.
---@field auth? perilune.auth How callers show their credential. Default: token "accessToken".
---@field settings? table Values that its functions read.
---@field data? table<string, perilune.data> Its tables and how their rows are made.
---@field rates? table<string, perilune.emulated_limit|string|(perilune.emulated_limit|string)[]> The limits that it holds callers to.
---@field routes perilune.request|(perilune.request)[] Requests that it answers; {name} in a path stands for one segment.
---@field hooks? table<string, perilune.emulated_hook> Webhooks that it sends when its data change.
---@field refused? function|table The answer to a call without a valid credential, or for which there is no route.
---@field limited? function|table The answer to a call beyond a limit.
---@field setup? function Runs once after the data are made.
---@field control? function Answers calls of the emulator's own control endpoint that the framework does not know.
---@field state? table Values that its functions read and change.
---@class perilune.emulator.made: perilune.node
---@overload fun(options: perilune.emulator.options): perilune.node
---Plays the API on loopback, for demos and tests.
---@param what string
---@return perilune.emulator.made
function emulator(what) end

---@class perilune.get.options
---@field query? table<string, any> Entries of the query; a list is joined with commas, or repeated where the name ends in []; an absent value leaves its entry out.
---@field headers? table<string, perilune.slot> Headers of this request; they win over the connector's.
---@field body? any The JSON body, or a text that is sent as it is.
---@field form? table<string, any>|perilune.hole A form-encoded body; nested tables become a[b].
---@field records? string Where the records stand in the reply: "results", "[]" if the reply is the list, "" if it is the record. Default: the connector's.
---@field record? string Where the record stands inside each item of the list.
---@field format? perilune.format|"json"|"ndjson"|"csv"|"xml" How the reply is written: "json", "ndjson", "csv", "xml". Default: json.
---@field pages? perilune.pager|perilune.again|"again"|"none" How the next page is asked for: a pager, "none", or "again" for the same request with its holes moved on. Default: the connector's.
---@field since? string Where the reply says what the next run starts from; the hole since gives it back unchanged.
---@field removed? perilune.removed|string A record where this is true, has a stamp, or equals the value given, is a deletion.
---@field ties? perilune.request Asked when a full page of "again" holds one and the same stamp; goes on inside that stamp.
---@field batch? integer How many records one request asks about; the list that holds the record's hole is repeated for each.
---@field match? string How answers find their question: a path of the key, or "order"; a question without an answer is gone.
---@field rate? string The class of the connector's rates that this request spends from. Default: default.
---@field cost? number How much of that class it spends. Default: 1.
---@field etag? boolean Remembers the reply's ETag by URL and asks with it; 304 then means nothing new. Default: false.
---@field keep? table<string, string> Values of the reply to store as settings of the integration, which only the API changes.
---@field on? table What answers mean, by status or by a value; named keys win over the stream's and the connector's. Default: the stream's, then the connector's.
---@field reason? string|(string)[] Where a failed reply says in words what is wrong. Default: the connector's.
---@field timeout? string How long the whole reply may take. Default: 60s.
---@field gives? perilune.gives Which part of the reply means what, for discover and write.
---@field every? string How often a job's poll is sent. Default: 2s.
---@field done? perilune.when When a job's poll has ended, and how: choices are actions.
---@field open? boolean An emulator's route: it needs no credential. Default: false.
---@field answers? function|table An emulator's answer: a function of call and db that gives status, body and headers, or the body itself.
---@class perilune.get.made: perilune.request
---@overload fun(options: perilune.get.options): perilune.request
---A GET request.
---@param what perilune.slot
---@return perilune.get.made
function get(what) end

---@class perilune.post.options
---@field query? table<string, any> Entries of the query; a list is joined with commas, or repeated where the name ends in []; an absent value leaves its entry out.
---@field headers? table<string, perilune.slot> Headers of this request; they win over the connector's.
---@field body? any The JSON body, or a text that is sent as it is.
---@field form? table<string, any>|perilune.hole A form-encoded body; nested tables become a[b].
---@field records? string Where the records stand in the reply: "results", "[]" if the reply is the list, "" if it is the record. Default: the connector's.
---@field record? string Where the record stands inside each item of the list.
---@field format? perilune.format|"json"|"ndjson"|"csv"|"xml" How the reply is written: "json", "ndjson", "csv", "xml". Default: json.
---@field pages? perilune.pager|perilune.again|"again"|"none" How the next page is asked for: a pager, "none", or "again" for the same request with its holes moved on. Default: the connector's.
---@field since? string Where the reply says what the next run starts from; the hole since gives it back unchanged.
---@field removed? perilune.removed|string A record where this is true, has a stamp, or equals the value given, is a deletion.
---@field ties? perilune.request Asked when a full page of "again" holds one and the same stamp; goes on inside that stamp.
---@field batch? integer How many records one request asks about; the list that holds the record's hole is repeated for each.
---@field match? string How answers find their question: a path of the key, or "order"; a question without an answer is gone.
---@field rate? string The class of the connector's rates that this request spends from. Default: default.
---@field cost? number How much of that class it spends. Default: 1.
---@field etag? boolean Remembers the reply's ETag by URL and asks with it; 304 then means nothing new. Default: false.
---@field keep? table<string, string> Values of the reply to store as settings of the integration, which only the API changes.
---@field on? table What answers mean, by status or by a value; named keys win over the stream's and the connector's. Default: the stream's, then the connector's.
---@field reason? string|(string)[] Where a failed reply says in words what is wrong. Default: the connector's.
---@field timeout? string How long the whole reply may take. Default: 60s.
---@field gives? perilune.gives Which part of the reply means what, for discover and write.
---@field every? string How often a job's poll is sent. Default: 2s.
---@field done? perilune.when When a job's poll has ended, and how: choices are actions.
---@field open? boolean An emulator's route: it needs no credential. Default: false.
---@field answers? function|table An emulator's answer: a function of call and db that gives status, body and headers, or the body itself.
---@class perilune.post.made: perilune.request
---@overload fun(options: perilune.post.options): perilune.request
---A POST request.
---@param what perilune.slot
---@return perilune.post.made
function post(what) end

---@class perilune.put.options
---@field query? table<string, any> Entries of the query; a list is joined with commas, or repeated where the name ends in []; an absent value leaves its entry out.
---@field headers? table<string, perilune.slot> Headers of this request; they win over the connector's.
---@field body? any The JSON body, or a text that is sent as it is.
---@field form? table<string, any>|perilune.hole A form-encoded body; nested tables become a[b].
---@field records? string Where the records stand in the reply: "results", "[]" if the reply is the list, "" if it is the record. Default: the connector's.
---@field record? string Where the record stands inside each item of the list.
---@field format? perilune.format|"json"|"ndjson"|"csv"|"xml" How the reply is written: "json", "ndjson", "csv", "xml". Default: json.
---@field pages? perilune.pager|perilune.again|"again"|"none" How the next page is asked for: a pager, "none", or "again" for the same request with its holes moved on. Default: the connector's.
---@field since? string Where the reply says what the next run starts from; the hole since gives it back unchanged.
---@field removed? perilune.removed|string A record where this is true, has a stamp, or equals the value given, is a deletion.
---@field ties? perilune.request Asked when a full page of "again" holds one and the same stamp; goes on inside that stamp.
---@field batch? integer How many records one request asks about; the list that holds the record's hole is repeated for each.
---@field match? string How answers find their question: a path of the key, or "order"; a question without an answer is gone.
---@field rate? string The class of the connector's rates that this request spends from. Default: default.
---@field cost? number How much of that class it spends. Default: 1.
---@field etag? boolean Remembers the reply's ETag by URL and asks with it; 304 then means nothing new. Default: false.
---@field keep? table<string, string> Values of the reply to store as settings of the integration, which only the API changes.
---@field on? table What answers mean, by status or by a value; named keys win over the stream's and the connector's. Default: the stream's, then the connector's.
---@field reason? string|(string)[] Where a failed reply says in words what is wrong. Default: the connector's.
---@field timeout? string How long the whole reply may take. Default: 60s.
---@field gives? perilune.gives Which part of the reply means what, for discover and write.
---@field every? string How often a job's poll is sent. Default: 2s.
---@field done? perilune.when When a job's poll has ended, and how: choices are actions.
---@field open? boolean An emulator's route: it needs no credential. Default: false.
---@field answers? function|table An emulator's answer: a function of call and db that gives status, body and headers, or the body itself.
---@class perilune.put.made: perilune.request
---@overload fun(options: perilune.put.options): perilune.request
---A PUT request.
---@param what perilune.slot
---@return perilune.put.made
function put(what) end

---@class perilune.patch.options
---@field query? table<string, any> Entries of the query; a list is joined with commas, or repeated where the name ends in []; an absent value leaves its entry out.
---@field headers? table<string, perilune.slot> Headers of this request; they win over the connector's.
---@field body? any The JSON body, or a text that is sent as it is.
---@field form? table<string, any>|perilune.hole A form-encoded body; nested tables become a[b].
---@field records? string Where the records stand in the reply: "results", "[]" if the reply is the list, "" if it is the record. Default: the connector's.
---@field record? string Where the record stands inside each item of the list.
---@field format? perilune.format|"json"|"ndjson"|"csv"|"xml" How the reply is written: "json", "ndjson", "csv", "xml". Default: json.
---@field pages? perilune.pager|perilune.again|"again"|"none" How the next page is asked for: a pager, "none", or "again" for the same request with its holes moved on. Default: the connector's.
---@field since? string Where the reply says what the next run starts from; the hole since gives it back unchanged.
---@field removed? perilune.removed|string A record where this is true, has a stamp, or equals the value given, is a deletion.
---@field ties? perilune.request Asked when a full page of "again" holds one and the same stamp; goes on inside that stamp.
---@field batch? integer How many records one request asks about; the list that holds the record's hole is repeated for each.
---@field match? string How answers find their question: a path of the key, or "order"; a question without an answer is gone.
---@field rate? string The class of the connector's rates that this request spends from. Default: default.
---@field cost? number How much of that class it spends. Default: 1.
---@field etag? boolean Remembers the reply's ETag by URL and asks with it; 304 then means nothing new. Default: false.
---@field keep? table<string, string> Values of the reply to store as settings of the integration, which only the API changes.
---@field on? table What answers mean, by status or by a value; named keys win over the stream's and the connector's. Default: the stream's, then the connector's.
---@field reason? string|(string)[] Where a failed reply says in words what is wrong. Default: the connector's.
---@field timeout? string How long the whole reply may take. Default: 60s.
---@field gives? perilune.gives Which part of the reply means what, for discover and write.
---@field every? string How often a job's poll is sent. Default: 2s.
---@field done? perilune.when When a job's poll has ended, and how: choices are actions.
---@field open? boolean An emulator's route: it needs no credential. Default: false.
---@field answers? function|table An emulator's answer: a function of call and db that gives status, body and headers, or the body itself.
---@class perilune.patch.made: perilune.request
---@overload fun(options: perilune.patch.options): perilune.request
---A PATCH request.
---@param what perilune.slot
---@return perilune.patch.made
function patch(what) end

---@class perilune.delete.options
---@field query? table<string, any> Entries of the query; a list is joined with commas, or repeated where the name ends in []; an absent value leaves its entry out.
---@field headers? table<string, perilune.slot> Headers of this request; they win over the connector's.
---@field body? any The JSON body, or a text that is sent as it is.
---@field form? table<string, any>|perilune.hole A form-encoded body; nested tables become a[b].
---@field records? string Where the records stand in the reply: "results", "[]" if the reply is the list, "" if it is the record. Default: the connector's.
---@field record? string Where the record stands inside each item of the list.
---@field format? perilune.format|"json"|"ndjson"|"csv"|"xml" How the reply is written: "json", "ndjson", "csv", "xml". Default: json.
---@field pages? perilune.pager|perilune.again|"again"|"none" How the next page is asked for: a pager, "none", or "again" for the same request with its holes moved on. Default: the connector's.
---@field since? string Where the reply says what the next run starts from; the hole since gives it back unchanged.
---@field removed? perilune.removed|string A record where this is true, has a stamp, or equals the value given, is a deletion.
---@field ties? perilune.request Asked when a full page of "again" holds one and the same stamp; goes on inside that stamp.
---@field batch? integer How many records one request asks about; the list that holds the record's hole is repeated for each.
---@field match? string How answers find their question: a path of the key, or "order"; a question without an answer is gone.
---@field rate? string The class of the connector's rates that this request spends from. Default: default.
---@field cost? number How much of that class it spends. Default: 1.
---@field etag? boolean Remembers the reply's ETag by URL and asks with it; 304 then means nothing new. Default: false.
---@field keep? table<string, string> Values of the reply to store as settings of the integration, which only the API changes.
---@field on? table What answers mean, by status or by a value; named keys win over the stream's and the connector's. Default: the stream's, then the connector's.
---@field reason? string|(string)[] Where a failed reply says in words what is wrong. Default: the connector's.
---@field timeout? string How long the whole reply may take. Default: 60s.
---@field gives? perilune.gives Which part of the reply means what, for discover and write.
---@field every? string How often a job's poll is sent. Default: 2s.
---@field done? perilune.when When a job's poll has ended, and how: choices are actions.
---@field open? boolean An emulator's route: it needs no credential. Default: false.
---@field answers? function|table An emulator's answer: a function of call and db that gives status, body and headers, or the body itself.
---@class perilune.delete.made: perilune.request
---@overload fun(options: perilune.delete.options): perilune.request
---A DELETE request.
---@param what perilune.slot
---@return perilune.delete.made
function delete(what) end

---@class perilune.since.options
---@field default? any Stands in when there is no value.
---@class perilune.since.made: perilune.hole
---@overload fun(options: perilune.since.options): perilune.hole
---Where the stream has got to.
---@class perilune.since.bare: perilune.hole
---@overload fun(what: string|perilune.since.options): perilune.since.made
---@type perilune.since.bare
since = nil

---@class perilune.upto.options
---@field default? any Stands in when there is no value.
---@class perilune.upto.made: perilune.hole
---@overload fun(options: perilune.upto.options): perilune.hole
---The upper end of what is asked for now.
---@class perilune.upto.bare: perilune.hole
---@overload fun(what: string|perilune.upto.options): perilune.upto.made
---@type perilune.upto.bare
upto = nil

---@class perilune.wanted.options
---@field join? string What stands between the names. Default: ,.
---@field most? string If the names grow longer than this, keys are read without names, and records by the stream's fetch.
---@class perilune.wanted.made: perilune.hole
---@overload fun(options: perilune.wanted.options): perilune.hole
---The names below this prefix that active mappings and the stream itself read.
---@class perilune.wanted.bare: perilune.hole
---@overload fun(what: string|perilune.wanted.options): perilune.wanted.made
---@type perilune.wanted.bare
wanted = nil

---@class perilune.setting.options
---@field default? any Stands in when there is no value.
---@field quote? string Puts the text between these marks and escapes mark and backslash inside it.
---@field as? "path" In a path: "path" keeps its slashes, where otherwise it becomes one encoded segment.
---@class perilune.setting.made: perilune.hole
---@overload fun(options: perilune.setting.options): perilune.hole
---A value of the integration: given by its operator, kept from a reply, or a fragment of its API version.
---@param what string
---@return perilune.setting.made
function setting(what) end

---A credential, which the core writes on the way out.
---@param what string
---@return perilune.hole
function secret(what) end

---@class perilune.parent.options
---@field of? string The name of an ancestor stream, where each is nested.
---@field quote? string Puts the text between these marks and escapes mark and backslash inside it.
---@field as? "path" In a path: "path" keeps its slashes, where otherwise it becomes one encoded segment.
---@field default? any Stands in when there is no value.
---@class perilune.parent.made: perilune.hole
---@overload fun(options: perilune.parent.options): perilune.hole
---A value from what the request is made for: the record behind each, or a job's first reply.
---@class perilune.parent.bare: perilune.hole
---@overload fun(what: string|perilune.parent.options): perilune.parent.made
---@type perilune.parent.bare
parent = nil

---@class perilune.record.options
---@field quote? string Puts the text between these marks and escapes mark and backslash inside it.
---@field as? "path" In a path: "path" keeps its slashes, where otherwise it becomes one encoded segment.
---@field default? any Stands in when there is no value.
---@class perilune.record.made: perilune.hole
---@overload fun(options: perilune.record.options): perilune.hole
---A value from the record at hand: to fetch, to write, the last one read, or a delivery.
---@class perilune.record.bare: perilune.hole
---@overload fun(what: string|perilune.record.options): perilune.record.made
---@type perilune.record.bare
record = nil

---@class perilune.cursor.options
---@field read string|(string)[] Where the reply holds the value for the next page; the first path that has one.
---@field send string Where the value goes in the next request: "query.after", "body.after".
---@field more? string Where the reply says whether there are more pages.
---@field done? string|perilune.when Where the reply says that this was the last page.
---@field none? any|(any)[] Values of the cursor that mean that there is no next page.
---@field without? string|(string)[] Entries of the query to leave out once the cursor is sent.
---@field most? integer The API gives no more records than this by paging; then the stream goes on from its last stamp.
---The next page: a value of the reply goes into the next request.
---@param options perilune.cursor.options
---@return perilune.pager
function cursor(options) end

---@class perilune.link.options
---@field rel? string Which link of a Link header is meant. Default: next.
---@class perilune.link.made: perilune.pager
---@overload fun(options: perilune.link.options): perilune.pager
---The next page: a link of the reply, of which only path and query are used.
---@param what string
---@return perilune.link.made
function link(what) end

---@class perilune.count.options
---@field send string Where the number goes in the request: "query.page", "query.offset".
---@field first? integer The number of the first page. Default: 1; 0 by records.
---@field by? "page"|"records" Counts pages, or records (an offset). Default: page.
---@field total? string Where the reply says how many pages (or records) there are.
---@field done? string|perilune.when Where the reply says that this was the last page.
---@field more? string Where the reply says whether there are more pages.
---The next page: by counting pages or records.
---@param options perilune.count.options
---@return perilune.pager
function count(options) end

---@class perilune.token.options
---@field header? string The header that carries the secret. Default: Authorization.
---@field prefix? string What stands before the secret in the header; in a header other than Authorization nothing, unless it is written. Default: Bearer .
---@field query? string The entry of the query that carries the secret, instead of a header.
---@class perilune.token.made: perilune.auth
---@overload fun(options: perilune.token.options): perilune.auth
---One secret in one place.
---@param what string
---@return perilune.token.made
function token(what) end

---@class perilune.basic.options
---@field user? perilune.slot The user's name: a text or a hole.
---@class perilune.basic.made: perilune.auth
---@overload fun(options: perilune.basic.options): perilune.auth
---HTTP Basic: a user and a secret as the password.
---@param what string
---@return perilune.basic.made
function basic(what) end

---@class perilune.oauth2.options
---@field issuer? perilune.slot The provider's issuer URL: endpoints that are not written here are found in its discovery document.
---@field authorize? perilune.slot Where the user is sent to agree. Default: the issuer's.
---@field token? perilune.slot Where codes and refresh tokens are exchanged for tokens. Default: the issuer's.
---@field device? perilune.slot Where a device code is asked for, for logins without a browser on this machine. Default: the issuer's.
---@field revoke? perilune.slot Where a token is given back when the integration is removed. Default: the issuer's.
---@field scopes? string|(string)[] What to ask the user for.
---@field grants? "code"|"device"|"refresh_token"|"client_credentials"|"jwt"|("code"|"device"|"refresh_token"|"client_credentials"|"jwt")[] Which ways to a token the API offers; the first is the one taken. Default: code.
---@field client_auth? "body"|"basic"|"none" How the client shows its secret at the token endpoint: in the form, as HTTP Basic, or not at all. Default: body.
---@field pkce? boolean Proves with a one-time secret that the one who started the login also ends it. Default: true.
---@field redirect? string The redirect URI, where the provider takes only the one that was registered. Default: a free port on 127.0.0.1.
---@field client? string The name of the credential that holds the client's id. Default: clientId.
---@field subject? perilune.slot With jwt: on whose behalf a token is asked for. Default: the client's id.
---@field audience? perilune.slot With jwt: who is to read the assertion. Default: the token endpoint.
---@field expires? string Where the token's reply says for how many seconds it holds. Default: expires_in.
---@field params? table<string, perilune.slot> More entries for the authorize and token requests.
---@field keep? table<string, string> Values of the token's reply to store as settings of the integration.
---OAuth 2, whose flows the core runs.
---@param options perilune.oauth2.options
---@return perilune.auth
function oauth2(options) end

---@class perilune.when.made: perilune.when
---@overload fun(options: table): perilune.when
---Chooses by a value.
---@param what string
---@return perilune.when.made
function when(what) end

---@class perilune.rule.options
---@field need? "any"|"all"|"unique" How many of the fields must have a value, or that no two records of a run share their values.
---@field check? function A function of the fields' finished values; false or nil means that the rule is broken.
---@field reject? string Refuses the record with this reason (code rule).
---@field warn? string Keeps the row and notes this warning.
---@field skip? boolean|string Makes no row and no reject.
---@class perilune.rule.made: perilune.rule
---@overload fun(options: perilune.rule.options): perilune.rule
---A rule about the row.
---@param what string|(string)[]
---@return perilune.rule.made
function rule(what) end

---JSON's null, where Lua's nil can't stand in a table.
---@type perilune.node
null = nil

---What another file of the project gives: lib/NAME.lua.
---@param library string
---@return any
function use(library) end

---@class perilune.text.options
---@field required? boolean A record without a value here becomes a reject (code required). Default: false.
---@field default? any Takes the place of a value that is absent or null; it is converted like a value of the record. Default: null.
---@field trim? boolean Cuts white space off both ends of a text. Default: true.
---@field case? "lower"|"upper"|"keep" Changes the letters of a text to lower or upper case. Default: keep; lower for email.
---@field empty? "null"|"keep" What an empty text, after trimming, counts as: no value, or a value. Default: null; keep for list and json.
---@field min? number|string Least value; of a text or list its least length; of a date its earliest, as a text.
---@field max? number|string Greatest value; of a text or list its greatest length; of a date its latest, as a text.
---@field pattern? string A Lua pattern that the converted value must match (anchor it with ^ and $).
---@field map? table Replaces values: { theirs = "ours" }; a value that is not named passes, unless otherwise is given.
---@field otherwise? any Takes the place of a value that map or options do not name, or that lookup does not find.
---@field lookup? string The value is a key of another entity; the field takes that row's field: "owner.fullName".
---@field transform? function A function of the values that the field lists; gives the new value, nil for null, or nil and a reason to reject.
---@field validate? function A function of the finished value; gives true, or false and a reason (code validate).
---@field unique? boolean The same value in two records of one run is a reject (code rule). Default: false.
---@field on_error? "reject"|"null"|"default"|"keep" When the value can't be converted or fails a check: reject the record, use null, use the default, or keep the last value its kind took. Default: reject.
---@field write? function|boolean How the field goes back to the API: a function of our value, or false for never.
---@field description? string What the field means, shown by perilune mappings show.
---@field join? string Joins the values of all paths, absent ones left out, with this text between them.
---@class perilune.text.made: perilune.kind
---@overload fun(options: perilune.text.options): perilune.kind
---A text.
---@param what string|(string)[]
---@return perilune.text.made
function text(what) end

---@class perilune.email.options
---@field required? boolean A record without a value here becomes a reject (code required). Default: false.
---@field default? any Takes the place of a value that is absent or null; it is converted like a value of the record. Default: null.
---@field trim? boolean Cuts white space off both ends of a text. Default: true.
---@field case? "lower"|"upper"|"keep" Changes the letters of a text to lower or upper case. Default: keep; lower for email.
---@field empty? "null"|"keep" What an empty text, after trimming, counts as: no value, or a value. Default: null; keep for list and json.
---@field min? number|string Least value; of a text or list its least length; of a date its earliest, as a text.
---@field max? number|string Greatest value; of a text or list its greatest length; of a date its latest, as a text.
---@field pattern? string A Lua pattern that the converted value must match (anchor it with ^ and $).
---@field map? table Replaces values: { theirs = "ours" }; a value that is not named passes, unless otherwise is given.
---@field otherwise? any Takes the place of a value that map or options do not name, or that lookup does not find.
---@field lookup? string The value is a key of another entity; the field takes that row's field: "owner.fullName".
---@field transform? function A function of the values that the field lists; gives the new value, nil for null, or nil and a reason to reject.
---@field validate? function A function of the finished value; gives true, or false and a reason (code validate).
---@field unique? boolean The same value in two records of one run is a reject (code rule). Default: false.
---@field on_error? "reject"|"null"|"default"|"keep" When the value can't be converted or fails a check: reject the record, use null, use the default, or keep the last value its kind took. Default: reject.
---@field write? function|boolean How the field goes back to the API: a function of our value, or false for never.
---@field description? string What the field means, shown by perilune mappings show.
---@class perilune.email.made: perilune.kind
---@overload fun(options: perilune.email.options): perilune.kind
---An e-mail address, in lower case.
---@param what string|(string)[]
---@return perilune.email.made
function email(what) end

---@class perilune.url.options
---@field required? boolean A record without a value here becomes a reject (code required). Default: false.
---@field default? any Takes the place of a value that is absent or null; it is converted like a value of the record. Default: null.
---@field trim? boolean Cuts white space off both ends of a text. Default: true.
---@field case? "lower"|"upper"|"keep" Changes the letters of a text to lower or upper case. Default: keep; lower for email.
---@field empty? "null"|"keep" What an empty text, after trimming, counts as: no value, or a value. Default: null; keep for list and json.
---@field min? number|string Least value; of a text or list its least length; of a date its earliest, as a text.
---@field max? number|string Greatest value; of a text or list its greatest length; of a date its latest, as a text.
---@field pattern? string A Lua pattern that the converted value must match (anchor it with ^ and $).
---@field map? table Replaces values: { theirs = "ours" }; a value that is not named passes, unless otherwise is given.
---@field otherwise? any Takes the place of a value that map or options do not name, or that lookup does not find.
---@field lookup? string The value is a key of another entity; the field takes that row's field: "owner.fullName".
---@field transform? function A function of the values that the field lists; gives the new value, nil for null, or nil and a reason to reject.
---@field validate? function A function of the finished value; gives true, or false and a reason (code validate).
---@field unique? boolean The same value in two records of one run is a reject (code rule). Default: false.
---@field on_error? "reject"|"null"|"default"|"keep" When the value can't be converted or fails a check: reject the record, use null, use the default, or keep the last value its kind took. Default: reject.
---@field write? function|boolean How the field goes back to the API: a function of our value, or false for never.
---@field description? string What the field means, shown by perilune mappings show.
---@class perilune.url.made: perilune.kind
---@overload fun(options: perilune.url.options): perilune.kind
---A URL with its scheme.
---@param what string|(string)[]
---@return perilune.url.made
function url(what) end

---@class perilune.phone.options
---@field required? boolean A record without a value here becomes a reject (code required). Default: false.
---@field default? any Takes the place of a value that is absent or null; it is converted like a value of the record. Default: null.
---@field trim? boolean Cuts white space off both ends of a text. Default: true.
---@field case? "lower"|"upper"|"keep" Changes the letters of a text to lower or upper case. Default: keep; lower for email.
---@field empty? "null"|"keep" What an empty text, after trimming, counts as: no value, or a value. Default: null; keep for list and json.
---@field min? number|string Least value; of a text or list its least length; of a date its earliest, as a text.
---@field max? number|string Greatest value; of a text or list its greatest length; of a date its latest, as a text.
---@field pattern? string A Lua pattern that the converted value must match (anchor it with ^ and $).
---@field map? table Replaces values: { theirs = "ours" }; a value that is not named passes, unless otherwise is given.
---@field otherwise? any Takes the place of a value that map or options do not name, or that lookup does not find.
---@field lookup? string The value is a key of another entity; the field takes that row's field: "owner.fullName".
---@field transform? function A function of the values that the field lists; gives the new value, nil for null, or nil and a reason to reject.
---@field validate? function A function of the finished value; gives true, or false and a reason (code validate).
---@field unique? boolean The same value in two records of one run is a reject (code rule). Default: false.
---@field on_error? "reject"|"null"|"default"|"keep" When the value can't be converted or fails a check: reject the record, use null, use the default, or keep the last value its kind took. Default: reject.
---@field write? function|boolean How the field goes back to the API: a function of our value, or false for never.
---@field description? string What the field means, shown by perilune mappings show.
---@class perilune.phone.made: perilune.kind
---@overload fun(options: perilune.phone.options): perilune.kind
---A telephone number.
---@param what string|(string)[]
---@return perilune.phone.made
function phone(what) end

---@class perilune.choice.options
---@field required? boolean A record without a value here becomes a reject (code required). Default: false.
---@field default? any Takes the place of a value that is absent or null; it is converted like a value of the record. Default: null.
---@field trim? boolean Cuts white space off both ends of a text. Default: true.
---@field case? "lower"|"upper"|"keep" Changes the letters of a text to lower or upper case. Default: keep; lower for email.
---@field empty? "null"|"keep" What an empty text, after trimming, counts as: no value, or a value. Default: null; keep for list and json.
---@field min? number|string Least value; of a text or list its least length; of a date its earliest, as a text.
---@field max? number|string Greatest value; of a text or list its greatest length; of a date its latest, as a text.
---@field pattern? string A Lua pattern that the converted value must match (anchor it with ^ and $).
---@field map? table Replaces values: { theirs = "ours" }; a value that is not named passes, unless otherwise is given.
---@field otherwise? any Takes the place of a value that map or options do not name, or that lookup does not find.
---@field lookup? string The value is a key of another entity; the field takes that row's field: "owner.fullName".
---@field transform? function A function of the values that the field lists; gives the new value, nil for null, or nil and a reason to reject.
---@field validate? function A function of the finished value; gives true, or false and a reason (code validate).
---@field unique? boolean The same value in two records of one run is a reject (code rule). Default: false.
---@field on_error? "reject"|"null"|"default"|"keep" When the value can't be converted or fails a check: reject the record, use null, use the default, or keep the last value its kind took. Default: reject.
---@field write? function|boolean How the field goes back to the API: a function of our value, or false for never.
---@field description? string What the field means, shown by perilune mappings show.
---@field labels? boolean Takes the API's label of the value, as the stream's discover found it. Default: false.
---@field options? any|(any)[]|table<string, any> The values that are allowed, or value and label; others are rejects unless otherwise is given.
---@class perilune.choice.made: perilune.kind
---@overload fun(options: perilune.choice.options): perilune.kind
---One of a set of values.
---@param what string|(string)[]
---@return perilune.choice.made
function choice(what) end

---@class perilune.integer.options
---@field required? boolean A record without a value here becomes a reject (code required). Default: false.
---@field default? any Takes the place of a value that is absent or null; it is converted like a value of the record. Default: null.
---@field trim? boolean Cuts white space off both ends of a text. Default: true.
---@field case? "lower"|"upper"|"keep" Changes the letters of a text to lower or upper case. Default: keep; lower for email.
---@field empty? "null"|"keep" What an empty text, after trimming, counts as: no value, or a value. Default: null; keep for list and json.
---@field min? number|string Least value; of a text or list its least length; of a date its earliest, as a text.
---@field max? number|string Greatest value; of a text or list its greatest length; of a date its latest, as a text.
---@field pattern? string A Lua pattern that the converted value must match (anchor it with ^ and $).
---@field map? table Replaces values: { theirs = "ours" }; a value that is not named passes, unless otherwise is given.
---@field otherwise? any Takes the place of a value that map or options do not name, or that lookup does not find.
---@field lookup? string The value is a key of another entity; the field takes that row's field: "owner.fullName".
---@field transform? function A function of the values that the field lists; gives the new value, nil for null, or nil and a reason to reject.
---@field validate? function A function of the finished value; gives true, or false and a reason (code validate).
---@field unique? boolean The same value in two records of one run is a reject (code rule). Default: false.
---@field on_error? "reject"|"null"|"default"|"keep" When the value can't be converted or fails a check: reject the record, use null, use the default, or keep the last value its kind took. Default: reject.
---@field write? function|boolean How the field goes back to the API: a function of our value, or false for never.
---@field description? string What the field means, shown by perilune mappings show.
---@class perilune.integer.made: perilune.kind
---@overload fun(options: perilune.integer.options): perilune.kind
---A whole number, exact to the last digit.
---@param what string|(string)[]
---@return perilune.integer.made
function integer(what) end

---@class perilune.number.options
---@field required? boolean A record without a value here becomes a reject (code required). Default: false.
---@field default? any Takes the place of a value that is absent or null; it is converted like a value of the record. Default: null.
---@field trim? boolean Cuts white space off both ends of a text. Default: true.
---@field case? "lower"|"upper"|"keep" Changes the letters of a text to lower or upper case. Default: keep; lower for email.
---@field empty? "null"|"keep" What an empty text, after trimming, counts as: no value, or a value. Default: null; keep for list and json.
---@field min? number|string Least value; of a text or list its least length; of a date its earliest, as a text.
---@field max? number|string Greatest value; of a text or list its greatest length; of a date its latest, as a text.
---@field pattern? string A Lua pattern that the converted value must match (anchor it with ^ and $).
---@field map? table Replaces values: { theirs = "ours" }; a value that is not named passes, unless otherwise is given.
---@field otherwise? any Takes the place of a value that map or options do not name, or that lookup does not find.
---@field lookup? string The value is a key of another entity; the field takes that row's field: "owner.fullName".
---@field transform? function A function of the values that the field lists; gives the new value, nil for null, or nil and a reason to reject.
---@field validate? function A function of the finished value; gives true, or false and a reason (code validate).
---@field unique? boolean The same value in two records of one run is a reject (code rule). Default: false.
---@field on_error? "reject"|"null"|"default"|"keep" When the value can't be converted or fails a check: reject the record, use null, use the default, or keep the last value its kind took. Default: reject.
---@field write? function|boolean How the field goes back to the API: a function of our value, or false for never.
---@field description? string What the field means, shown by perilune mappings show.
---@class perilune.number.made: perilune.kind
---@overload fun(options: perilune.number.options): perilune.kind
---A floating-point number.
---@param what string|(string)[]
---@return perilune.number.made
function number(what) end

---@class perilune.decimal.options
---@field required? boolean A record without a value here becomes a reject (code required). Default: false.
---@field default? any Takes the place of a value that is absent or null; it is converted like a value of the record. Default: null.
---@field trim? boolean Cuts white space off both ends of a text. Default: true.
---@field case? "lower"|"upper"|"keep" Changes the letters of a text to lower or upper case. Default: keep; lower for email.
---@field empty? "null"|"keep" What an empty text, after trimming, counts as: no value, or a value. Default: null; keep for list and json.
---@field min? number|string Least value; of a text or list its least length; of a date its earliest, as a text.
---@field max? number|string Greatest value; of a text or list its greatest length; of a date its latest, as a text.
---@field pattern? string A Lua pattern that the converted value must match (anchor it with ^ and $).
---@field map? table Replaces values: { theirs = "ours" }; a value that is not named passes, unless otherwise is given.
---@field otherwise? any Takes the place of a value that map or options do not name, or that lookup does not find.
---@field lookup? string The value is a key of another entity; the field takes that row's field: "owner.fullName".
---@field transform? function A function of the values that the field lists; gives the new value, nil for null, or nil and a reason to reject.
---@field validate? function A function of the finished value; gives true, or false and a reason (code validate).
---@field unique? boolean The same value in two records of one run is a reject (code rule). Default: false.
---@field on_error? "reject"|"null"|"default"|"keep" When the value can't be converted or fails a check: reject the record, use null, use the default, or keep the last value its kind took. Default: reject.
---@field write? function|boolean How the field goes back to the API: a function of our value, or false for never.
---@field description? string What the field means, shown by perilune mappings show.
---@field scale? integer Rounds half to even to so many digits after the point, and keeps exactly that many.
---@class perilune.decimal.made: perilune.kind
---@overload fun(options: perilune.decimal.options): perilune.kind
---An exact decimal number, never rounded unless scale is given.
---@param what string|(string)[]
---@return perilune.decimal.made
function decimal(what) end

---@class perilune.money.options
---@field required? boolean A record without a value here becomes a reject (code required). Default: false.
---@field default? any Takes the place of a value that is absent or null; it is converted like a value of the record. Default: null.
---@field trim? boolean Cuts white space off both ends of a text. Default: true.
---@field case? "lower"|"upper"|"keep" Changes the letters of a text to lower or upper case. Default: keep; lower for email.
---@field empty? "null"|"keep" What an empty text, after trimming, counts as: no value, or a value. Default: null; keep for list and json.
---@field min? number|string Least value; of a text or list its least length; of a date its earliest, as a text.
---@field max? number|string Greatest value; of a text or list its greatest length; of a date its latest, as a text.
---@field pattern? string A Lua pattern that the converted value must match (anchor it with ^ and $).
---@field map? table Replaces values: { theirs = "ours" }; a value that is not named passes, unless otherwise is given.
---@field otherwise? any Takes the place of a value that map or options do not name, or that lookup does not find.
---@field lookup? string The value is a key of another entity; the field takes that row's field: "owner.fullName".
---@field transform? function A function of the values that the field lists; gives the new value, nil for null, or nil and a reason to reject.
---@field validate? function A function of the finished value; gives true, or false and a reason (code validate).
---@field unique? boolean The same value in two records of one run is a reject (code rule). Default: false.
---@field on_error? "reject"|"null"|"default"|"keep" When the value can't be converted or fails a check: reject the record, use null, use the default, or keep the last value its kind took. Default: reject.
---@field write? function|boolean How the field goes back to the API: a function of our value, or false for never.
---@field description? string What the field means, shown by perilune mappings show.
---@field scale? integer Rounds half to even to so many digits after the point, and keeps exactly that many.
---@field currency? string|(string)[] Where the currency's code stands: "currency_code", "setting:currency"; the first that has a value.
---@field minor? boolean The number counts the smallest unit (cents) and is divided by the currency's own hundred, thousand or one. Default: false.
---@class perilune.money.made: perilune.kind
---@overload fun(options: perilune.money.options): perilune.kind
---An exact amount with its currency.
---@param what string|(string)[]
---@return perilune.money.made
function money(what) end

---@class perilune.boolean.options
---@field required? boolean A record without a value here becomes a reject (code required). Default: false.
---@field default? any Takes the place of a value that is absent or null; it is converted like a value of the record. Default: null.
---@field trim? boolean Cuts white space off both ends of a text. Default: true.
---@field case? "lower"|"upper"|"keep" Changes the letters of a text to lower or upper case. Default: keep; lower for email.
---@field empty? "null"|"keep" What an empty text, after trimming, counts as: no value, or a value. Default: null; keep for list and json.
---@field min? number|string Least value; of a text or list its least length; of a date its earliest, as a text.
---@field max? number|string Greatest value; of a text or list its greatest length; of a date its latest, as a text.
---@field pattern? string A Lua pattern that the converted value must match (anchor it with ^ and $).
---@field map? table Replaces values: { theirs = "ours" }; a value that is not named passes, unless otherwise is given.
---@field otherwise? any Takes the place of a value that map or options do not name, or that lookup does not find.
---@field lookup? string The value is a key of another entity; the field takes that row's field: "owner.fullName".
---@field transform? function A function of the values that the field lists; gives the new value, nil for null, or nil and a reason to reject.
---@field validate? function A function of the finished value; gives true, or false and a reason (code validate).
---@field unique? boolean The same value in two records of one run is a reject (code rule). Default: false.
---@field on_error? "reject"|"null"|"default"|"keep" When the value can't be converted or fails a check: reject the record, use null, use the default, or keep the last value its kind took. Default: reject.
---@field write? function|boolean How the field goes back to the API: a function of our value, or false for never.
---@field description? string What the field means, shown by perilune mappings show.
---@class perilune.boolean.made: perilune.kind
---@overload fun(options: perilune.boolean.options): perilune.kind
---True or false.
---@param what string|(string)[]
---@return perilune.boolean.made
function boolean(what) end

---@class perilune.date.options
---@field required? boolean A record without a value here becomes a reject (code required). Default: false.
---@field default? any Takes the place of a value that is absent or null; it is converted like a value of the record. Default: null.
---@field trim? boolean Cuts white space off both ends of a text. Default: true.
---@field case? "lower"|"upper"|"keep" Changes the letters of a text to lower or upper case. Default: keep; lower for email.
---@field empty? "null"|"keep" What an empty text, after trimming, counts as: no value, or a value. Default: null; keep for list and json.
---@field min? number|string Least value; of a text or list its least length; of a date its earliest, as a text.
---@field max? number|string Greatest value; of a text or list its greatest length; of a date its latest, as a text.
---@field pattern? string A Lua pattern that the converted value must match (anchor it with ^ and $).
---@field map? table Replaces values: { theirs = "ours" }; a value that is not named passes, unless otherwise is given.
---@field otherwise? any Takes the place of a value that map or options do not name, or that lookup does not find.
---@field lookup? string The value is a key of another entity; the field takes that row's field: "owner.fullName".
---@field transform? function A function of the values that the field lists; gives the new value, nil for null, or nil and a reason to reject.
---@field validate? function A function of the finished value; gives true, or false and a reason (code validate).
---@field unique? boolean The same value in two records of one run is a reject (code rule). Default: false.
---@field on_error? "reject"|"null"|"default"|"keep" When the value can't be converted or fails a check: reject the record, use null, use the default, or keep the last value its kind took. Default: reject.
---@field write? function|boolean How the field goes back to the API: a function of our value, or false for never.
---@field description? string What the field means, shown by perilune mappings show.
---@field format? string|(string)[] How the API writes it: "ms", "s", or a pattern such as "%d.%m.%Y"; several are tried in order. Default: ISO 8601, or epoch in ms or s by its size.
---@field zone? string The zone of values that name none: "UTC", "+02:00", a zone's name, or "setting:NAME". Default: UTC.
---@class perilune.date.made: perilune.kind
---@overload fun(options: perilune.date.options): perilune.kind
---A day without a time.
---@param what string|(string)[]
---@return perilune.date.made
function date(what) end

---@class perilune.datetime.options
---@field required? boolean A record without a value here becomes a reject (code required). Default: false.
---@field default? any Takes the place of a value that is absent or null; it is converted like a value of the record. Default: null.
---@field trim? boolean Cuts white space off both ends of a text. Default: true.
---@field case? "lower"|"upper"|"keep" Changes the letters of a text to lower or upper case. Default: keep; lower for email.
---@field empty? "null"|"keep" What an empty text, after trimming, counts as: no value, or a value. Default: null; keep for list and json.
---@field min? number|string Least value; of a text or list its least length; of a date its earliest, as a text.
---@field max? number|string Greatest value; of a text or list its greatest length; of a date its latest, as a text.
---@field pattern? string A Lua pattern that the converted value must match (anchor it with ^ and $).
---@field map? table Replaces values: { theirs = "ours" }; a value that is not named passes, unless otherwise is given.
---@field otherwise? any Takes the place of a value that map or options do not name, or that lookup does not find.
---@field lookup? string The value is a key of another entity; the field takes that row's field: "owner.fullName".
---@field transform? function A function of the values that the field lists; gives the new value, nil for null, or nil and a reason to reject.
---@field validate? function A function of the finished value; gives true, or false and a reason (code validate).
---@field unique? boolean The same value in two records of one run is a reject (code rule). Default: false.
---@field on_error? "reject"|"null"|"default"|"keep" When the value can't be converted or fails a check: reject the record, use null, use the default, or keep the last value its kind took. Default: reject.
---@field write? function|boolean How the field goes back to the API: a function of our value, or false for never.
---@field description? string What the field means, shown by perilune mappings show.
---@field format? string|(string)[] How the API writes it: "ms", "s", or a pattern such as "%d.%m.%Y"; several are tried in order. Default: ISO 8601, or epoch in ms or s by its size.
---@field zone? string The zone of values that name none: "UTC", "+02:00", a zone's name, or "setting:NAME". Default: UTC.
---@class perilune.datetime.made: perilune.kind
---@overload fun(options: perilune.datetime.options): perilune.kind
---A moment, in UTC.
---@param what string|(string)[]
---@return perilune.datetime.made
function datetime(what) end

---@class perilune.time.options
---@field required? boolean A record without a value here becomes a reject (code required). Default: false.
---@field default? any Takes the place of a value that is absent or null; it is converted like a value of the record. Default: null.
---@field trim? boolean Cuts white space off both ends of a text. Default: true.
---@field case? "lower"|"upper"|"keep" Changes the letters of a text to lower or upper case. Default: keep; lower for email.
---@field empty? "null"|"keep" What an empty text, after trimming, counts as: no value, or a value. Default: null; keep for list and json.
---@field min? number|string Least value; of a text or list its least length; of a date its earliest, as a text.
---@field max? number|string Greatest value; of a text or list its greatest length; of a date its latest, as a text.
---@field pattern? string A Lua pattern that the converted value must match (anchor it with ^ and $).
---@field map? table Replaces values: { theirs = "ours" }; a value that is not named passes, unless otherwise is given.
---@field otherwise? any Takes the place of a value that map or options do not name, or that lookup does not find.
---@field lookup? string The value is a key of another entity; the field takes that row's field: "owner.fullName".
---@field transform? function A function of the values that the field lists; gives the new value, nil for null, or nil and a reason to reject.
---@field validate? function A function of the finished value; gives true, or false and a reason (code validate).
---@field unique? boolean The same value in two records of one run is a reject (code rule). Default: false.
---@field on_error? "reject"|"null"|"default"|"keep" When the value can't be converted or fails a check: reject the record, use null, use the default, or keep the last value its kind took. Default: reject.
---@field write? function|boolean How the field goes back to the API: a function of our value, or false for never.
---@field description? string What the field means, shown by perilune mappings show.
---@class perilune.time.made: perilune.kind
---@overload fun(options: perilune.time.options): perilune.kind
---A time of day.
---@param what string|(string)[]
---@return perilune.time.made
function time(what) end

---@class perilune.uuid.options
---@field required? boolean A record without a value here becomes a reject (code required). Default: false.
---@field default? any Takes the place of a value that is absent or null; it is converted like a value of the record. Default: null.
---@field trim? boolean Cuts white space off both ends of a text. Default: true.
---@field case? "lower"|"upper"|"keep" Changes the letters of a text to lower or upper case. Default: keep; lower for email.
---@field empty? "null"|"keep" What an empty text, after trimming, counts as: no value, or a value. Default: null; keep for list and json.
---@field min? number|string Least value; of a text or list its least length; of a date its earliest, as a text.
---@field max? number|string Greatest value; of a text or list its greatest length; of a date its latest, as a text.
---@field pattern? string A Lua pattern that the converted value must match (anchor it with ^ and $).
---@field map? table Replaces values: { theirs = "ours" }; a value that is not named passes, unless otherwise is given.
---@field otherwise? any Takes the place of a value that map or options do not name, or that lookup does not find.
---@field lookup? string The value is a key of another entity; the field takes that row's field: "owner.fullName".
---@field transform? function A function of the values that the field lists; gives the new value, nil for null, or nil and a reason to reject.
---@field validate? function A function of the finished value; gives true, or false and a reason (code validate).
---@field unique? boolean The same value in two records of one run is a reject (code rule). Default: false.
---@field on_error? "reject"|"null"|"default"|"keep" When the value can't be converted or fails a check: reject the record, use null, use the default, or keep the last value its kind took. Default: reject.
---@field write? function|boolean How the field goes back to the API: a function of our value, or false for never.
---@field description? string What the field means, shown by perilune mappings show.
---@class perilune.uuid.made: perilune.kind
---@overload fun(options: perilune.uuid.options): perilune.kind
---A UUID.
---@param what string|(string)[]
---@return perilune.uuid.made
function uuid(what) end

---@class perilune.list.options
---@field required? boolean A record without a value here becomes a reject (code required). Default: false.
---@field default? any Takes the place of a value that is absent or null; it is converted like a value of the record. Default: null.
---@field trim? boolean Cuts white space off both ends of a text. Default: true.
---@field case? "lower"|"upper"|"keep" Changes the letters of a text to lower or upper case. Default: keep; lower for email.
---@field empty? "null"|"keep" What an empty text, after trimming, counts as: no value, or a value. Default: null; keep for list and json.
---@field min? number|string Least value; of a text or list its least length; of a date its earliest, as a text.
---@field max? number|string Greatest value; of a text or list its greatest length; of a date its latest, as a text.
---@field pattern? string A Lua pattern that the converted value must match (anchor it with ^ and $).
---@field map? table Replaces values: { theirs = "ours" }; a value that is not named passes, unless otherwise is given.
---@field otherwise? any Takes the place of a value that map or options do not name, or that lookup does not find.
---@field lookup? string The value is a key of another entity; the field takes that row's field: "owner.fullName".
---@field transform? function A function of the values that the field lists; gives the new value, nil for null, or nil and a reason to reject.
---@field validate? function A function of the finished value; gives true, or false and a reason (code validate).
---@field unique? boolean The same value in two records of one run is a reject (code rule). Default: false.
---@field on_error? "reject"|"null"|"default"|"keep" When the value can't be converted or fails a check: reject the record, use null, use the default, or keep the last value its kind took. Default: reject.
---@field write? function|boolean How the field goes back to the API: a function of our value, or false for never.
---@field description? string What the field means, shown by perilune mappings show.
---@field split? string Cuts one text into elements at this text: ";".
---@field of? "text"|"email"|"url"|"phone"|"choice"|"integer"|"number"|"decimal"|"boolean"|"date"|"datetime"|"time"|"uuid"|"json"|"id" The kind of the elements. Default: text.
---@field most? integer More elements than this are a mistake of the value.
---@class perilune.list.made: perilune.kind
---@overload fun(options: perilune.list.options): perilune.kind
---A list.
---@param what string|(string)[]
---@return perilune.list.made
function list(what) end

---@class perilune.json.options
---@field required? boolean A record without a value here becomes a reject (code required). Default: false.
---@field default? any Takes the place of a value that is absent or null; it is converted like a value of the record. Default: null.
---@field trim? boolean Cuts white space off both ends of a text. Default: true.
---@field case? "lower"|"upper"|"keep" Changes the letters of a text to lower or upper case. Default: keep; lower for email.
---@field empty? "null"|"keep" What an empty text, after trimming, counts as: no value, or a value. Default: null; keep for list and json.
---@field min? number|string Least value; of a text or list its least length; of a date its earliest, as a text.
---@field max? number|string Greatest value; of a text or list its greatest length; of a date its latest, as a text.
---@field pattern? string A Lua pattern that the converted value must match (anchor it with ^ and $).
---@field map? table Replaces values: { theirs = "ours" }; a value that is not named passes, unless otherwise is given.
---@field otherwise? any Takes the place of a value that map or options do not name, or that lookup does not find.
---@field lookup? string The value is a key of another entity; the field takes that row's field: "owner.fullName".
---@field transform? function A function of the values that the field lists; gives the new value, nil for null, or nil and a reason to reject.
---@field validate? function A function of the finished value; gives true, or false and a reason (code validate).
---@field unique? boolean The same value in two records of one run is a reject (code rule). Default: false.
---@field on_error? "reject"|"null"|"default"|"keep" When the value can't be converted or fails a check: reject the record, use null, use the default, or keep the last value its kind took. Default: reject.
---@field write? function|boolean How the field goes back to the API: a function of our value, or false for never.
---@field description? string What the field means, shown by perilune mappings show.
---@class perilune.json.made: perilune.kind
---@overload fun(options: perilune.json.options): perilune.kind
---Anything, kept as it came.
---@param what string|(string)[]
---@return perilune.json.made
function json(what) end

---@class perilune.id.options
---@field required? boolean A record without a value here becomes a reject (code required). Default: false.
---@field default? any Takes the place of a value that is absent or null; it is converted like a value of the record. Default: null.
---@field trim? boolean Cuts white space off both ends of a text. Default: true.
---@field case? "lower"|"upper"|"keep" Changes the letters of a text to lower or upper case. Default: keep; lower for email.
---@field empty? "null"|"keep" What an empty text, after trimming, counts as: no value, or a value. Default: null; keep for list and json.
---@field min? number|string Least value; of a text or list its least length; of a date its earliest, as a text.
---@field max? number|string Greatest value; of a text or list its greatest length; of a date its latest, as a text.
---@field pattern? string A Lua pattern that the converted value must match (anchor it with ^ and $).
---@field map? table Replaces values: { theirs = "ours" }; a value that is not named passes, unless otherwise is given.
---@field otherwise? any Takes the place of a value that map or options do not name, or that lookup does not find.
---@field lookup? string The value is a key of another entity; the field takes that row's field: "owner.fullName".
---@field transform? function A function of the values that the field lists; gives the new value, nil for null, or nil and a reason to reject.
---@field validate? function A function of the finished value; gives true, or false and a reason (code validate).
---@field unique? boolean The same value in two records of one run is a reject (code rule). Default: false.
---@field on_error? "reject"|"null"|"default"|"keep" When the value can't be converted or fails a check: reject the record, use null, use the default, or keep the last value its kind took. Default: reject.
---@field write? function|boolean How the field goes back to the API: a function of our value, or false for never.
---@field description? string What the field means, shown by perilune mappings show.
---@field join? string Joins the values of all paths, absent ones left out, with this text between them.
---@class perilune.id.made: perilune.kind
---@overload fun(options: perilune.id.options): perilune.kind
---A key: a text or a whole number, as text.
---@param what string|(string)[]
---@return perilune.id.made
function id(what) end

---@class perilune.rest.options
---@field required? boolean A record without a value here becomes a reject (code required). Default: false.
---@field default? any Takes the place of a value that is absent or null; it is converted like a value of the record. Default: null.
---@field trim? boolean Cuts white space off both ends of a text. Default: true.
---@field case? "lower"|"upper"|"keep" Changes the letters of a text to lower or upper case. Default: keep; lower for email.
---@field empty? "null"|"keep" What an empty text, after trimming, counts as: no value, or a value. Default: null; keep for list and json.
---@field min? number|string Least value; of a text or list its least length; of a date its earliest, as a text.
---@field max? number|string Greatest value; of a text or list its greatest length; of a date its latest, as a text.
---@field pattern? string A Lua pattern that the converted value must match (anchor it with ^ and $).
---@field map? table Replaces values: { theirs = "ours" }; a value that is not named passes, unless otherwise is given.
---@field otherwise? any Takes the place of a value that map or options do not name, or that lookup does not find.
---@field lookup? string The value is a key of another entity; the field takes that row's field: "owner.fullName".
---@field transform? function A function of the values that the field lists; gives the new value, nil for null, or nil and a reason to reject.
---@field validate? function A function of the finished value; gives true, or false and a reason (code validate).
---@field unique? boolean The same value in two records of one run is a reject (code rule). Default: false.
---@field on_error? "reject"|"null"|"default"|"keep" When the value can't be converted or fails a check: reject the record, use null, use the default, or keep the last value its kind took. Default: reject.
---@field write? function|boolean How the field goes back to the API: a function of our value, or false for never.
---@field description? string What the field means, shown by perilune mappings show.
---@field prefix? string Is put before each name that the API gave.
---@field except? string|(string)[] Names to leave out; * stands for any run of letters.
---@class perilune.rest.made: perilune.kind
---@overload fun(options: perilune.rest.options): perilune.kind
---Whatever the record has below this path that no other field reads.
---@param what string|(string)[]
---@return perilune.rest.made
function rest(what) end
