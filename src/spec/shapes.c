/* spec/shapes: plain tables of known options: jobs, formats, rates, webhooks, and the actions of `on`. Data only. */
#include "spec/words_request.h"

static const peri_option_spec job_options[] = {
    MUST("create", "request", "Starts the job; its reply is stored, and parent reads it in the other steps."),
    OPT("poll", "request", "", "Asks how far the job is, every so often, until its done says so."),
    MUST("read", "request", "Reads the result, page by page."),
    OPT("drop", "request", "", "Removes the job; sent always, also after a failure or a restart.")};
static const peri_option_spec again_options[] = {OPT("most", "count", "", "How many records a full page has; a page with fewer is the last.")};
static const peri_option_spec format_options[] = {OPT("null", "text", "", "The text that stands for no value in a CSV."),
                                                  OPT("delimiter", "text", ",", "What stands between the columns of a CSV.")};
static const peri_option_spec merged_options[] = {OPT("split", "text", "", "Cuts a text of several keys at this text.")};
static const peri_option_spec gives_options[] = {OPT("name", "path", "", "A field's name."),
                                                 OPT("label", "path", "", "Its label for people."),
                                                 OPT("type", "path", "", "Its type, in the API's words."),
                                                 OPT("options", "path", "", "Its choices."),
                                                 OPT("relation", "path", "", "The name under which records that it refers to are nested."),
                                                 OPT("readonly", "path", "", "True where the field can't be written."),
                                                 OPT("skip", "[text]", "", "Types to leave out."),
                                                 OPT("key", "path", "", "The id that a write gave.")};
static const peri_option_spec write_options[] = {OPT("create", "request", "", "Makes a record."), OPT("update", "request", "", "Changes a record."),
                                                 OPT("upsert", "request", "", "Makes or changes a record by a key of ours."),
                                                 OPT("remove", "request", "", "Removes a record.")};
static const peri_option_spec limit_options[] = {
    OPT("left", "path", "", "Where a reply says what is left: \"header:X-RateLimit-Remaining\"."),
    OPT("size", "path", "", "Where a reply says how much there is in all."),
    OPT("reset", "path", "", "Where a reply says when it is full again: seconds, a stamp or a date."),
    OPT("used", "path", "", "Where a reply says what is used up."),
    OPT("pattern", "text", "", "A Lua pattern that takes the numbers out of left, size or used: used first, then size."),
    OPT("burst", "count", "", "How much may be spent at once, where that is less than the whole."),
    OPT("per", "path", "", "One budget for each value of this: \"parent:id\".")};
static const peri_option_spec more_options[] = {OPT("read", "request/when<request>", "", "The request whose records each may become a stream."),
                                                OPT("each", "streamname", "", "A stream whose records each may become a stream."),
                                                MUST("make", "func", "A function of the record (and its parent) that gives a stream, or nil.")};
static const peri_option_spec event_options[] = {
    OPT("changed", "streamname", "", "A record of this stream changed: fetch it by id, or take it from record, or read the stream's changes."),
    OPT("removed", "streamname", "", "A record of this stream is gone."),
    OPT("erased", "streamname", "", "A record of this stream must be forgotten, its raw form too."),
    OPT("id", "[path]", "", "Where the record's key stands."), OPT("record", "path", "", "Where all of the record stands, if the event holds it.")};
static const peri_option_spec hook_options[] = {OPT("verify", "shape:verify", "", "How a delivery proves that the API sent it."),
                                                OPT("records", "path", "", "Where the events stand in a delivery: \"[]\" if it is a list."),
                                                OPT("account", "path", "", "What tells which integration the delivery is for."),
                                                OPT("id", "[path]", "", "What names a delivery, so that one that comes twice counts once."),
                                                OPT("events", EVENTS, "", "What each event means."),
                                                OPT("answer", "data/when<data>", "", "What the API wants to hear at once.")};
static const peri_option_spec verify_options[] = {OPT("key", "name", "", "The name of the credential that signs."),
                                                  OPT("header", "text", "", "The header with the signature."),
                                                  OPT("prefix", "text", "", "What stands before the signature there."),
                                                  OPT("encoding", "choice:hex|base64", "hex", "How the signature is written."),
                                                  OPT("over", "slot", "the body", "What is signed: texts and holes such as record \"body:\"."),
                                                  OPT("time", "path", "", "Where the moment of sending stands."),
                                                  OPT("within", "duration", "5m", "How old a delivery may be.")};
static const peri_option_spec example_options[] = {MUST("given", "jsontext", "A record as the API sends it, as JSON text."),
                                                   OPT("gives", "table", "", "The row that it must give, compared where named; null means null."),
                                                   OPT("rejects", "rejects", "", "The fields that must be rejected, each with its code."),
                                                   OPT("rows", "list", "", "The rows that it must give, in order, where the mapping has rows.")};
static const peri_option_spec data_options[] = {
    OPT("count", "natural", "0", "How many rows to make."),
    OPT("key", "[path]", "id", "The path of a row's key."),
    OPT("updated", "path", "", "The path of a row's stamp, set whenever the row changes."),
    OPT("created", "path", "", "The path of the stamp of its making."),
    OPT("archived", "path", "", "The path that is true in archived rows."),
    OPT("unique", "[path]", "", "Paths whose values belong to one row only; a text is cut at \";\", and its case is ignored."),
    OPT("fixed", "bool", "false", "Another number of records, asked for on the command line, leaves this table as it is."),
    OPT("make", "func", "", "A function of the row's number, a source of chance and the tables' counts; gives the row, or nil for none."),
    OPT("touch", "func", "",
        "A function of a row, what happens to it (create, change, archive, restore) and when; changes the row, or gives another.")};
static const peri_option_spec emulated_limit_options[] = {OPT("headers", "text", "", "The headers that tell what is left: \"X-RateLimit-*\".")};
static const peri_option_spec emulated_hook_options[] = {
    OPT("sign", "[text]", "", "The schemes that it signs with."), OPT("key", "name", "clientSecret", "The name of the credential that signs."),
    OPT("batch", "count", "100", "How many events one delivery holds as a list; 1: each event by itself, without a list."),
    MUST("make", "func", "A function of a change; gives the event, a list of events, or nil.")};

#define SAY OPT("say", "text", "", "Words for the operator, shown with the API's own.")
static const peri_option_spec say_options[] = {SAY};
static const peri_option_spec retry_options[] = {OPT("wait", "duration", "grows, with jitter", "How long to wait before the next try."), SAY};
static const peri_option_spec wait_options[] = {OPT("time", "duration", "10s", "How long to wait."),
                                                OPT("read", "path", "", "Where the reply says how long, or until when: seconds, a stamp or a date."),
                                                OPT("till", "choice:midnight", "", "Waits until midnight in zone."),
                                                OPT("zone", "text", "UTC", "A zone, or \"setting:NAME\"."),
                                                OPT("most", "duration", "1h", "Never waits longer than this."),
                                                SAY};

#define COUNT(list) (sizeof(list) / sizeof(list)[0])
#define SHAPE(name, noun, first, rest, doc, options)                                                                                                 \
  { name, noun, first, rest, false, doc, options, COUNT(options) }
#define ACTION(name, doc, options)                                                                                                                   \
  { name, "an action", "", "", true, doc, options, COUNT(options) }

const peri_shape_spec peri_shapes[] = {
    SHAPE("job", "a job", "", "", "Work that the API does by itself: start it, ask until it is done, read the result.", job_options),
    SHAPE("again", "\"again\"", "choice:again", "", "The same request once more while records come, its holes having moved on.", again_options),
    {"removed", "a path, or a path and a value", "path", "scalar", false,
     "What marks a record as deleted: a path, or a path and the value it then has.", NULL, 0},
    SHAPE("format", "a format (json, ndjson, csv or xml)", "choice:json|ndjson|csv|xml", "", "How a reply is written.", format_options),
    SHAPE("merged", "a path or a list of paths", "path", "path", "Where a record names those that it has absorbed.", merged_options),
    SHAPE("gives", "a table of paths", "", "", "Which part of a reply means what.", gives_options),
    SHAPE("write", "a table of requests", "", "", "How rows go back to the API.", write_options),
    SHAPE("limit", "a rate such as \"100/10s\"", "rate", "", "So much in such a time, and where replies tell how much is left.", limit_options),
    SHAPE("more", "a table with read and make", "", "", "How streams are found that only the account knows.", more_options),
    SHAPE("event", "a table such as { changed = \"contact\", id = \"objectId\" }", "", "", "What an event means for a stream.", event_options),
    SHAPE("hook", "a table of a webhook's options", "", "", "A webhook that the API sends.", hook_options),
    SHAPE("verify", "a scheme such as \"github\"",
          "choice:hubspot-v3|hubspot-v2|hubspot-v1|stripe|github|slack|shopify|standard-webhooks|hmac-sha256|hmac-sha1|hmac-sha512",
          "choice:hubspot-v3|hubspot-v2|hubspot-v1|stripe|github|slack|shopify|standard-webhooks|hmac-sha256|hmac-sha1|hmac-sha512",
          "How a delivery proves where it comes from: a known scheme, several (the first whose header is there counts), or an HMAC spelled out.",
          verify_options),
    SHAPE("example", "an example such as { given = [[{…}]], gives = {…} }", "", "", "A record and what must become of it.", example_options),
    SHAPE("data", "a table with count, key and make", "", "", "A table of an emulator.", data_options),
    SHAPE("emulated_limit", "a rate such as \"100/10s\"", "rate", "", "A limit that an emulator holds callers to.", emulated_limit_options),
    SHAPE("emulated_hook", "a table with sign and make", "", "", "A webhook that an emulator sends.", emulated_hook_options),
    ACTION("ok", "A success after all.", say_options),
    ACTION("ignore", "Drops this event.", say_options),
    ACTION("retry", "Tries again later, within the retry budget.", retry_options),
    ACTION("wait", "No failure: the rate class pauses.", wait_options),
    ACTION("refresh", "Gets a new token, once; then as reconnect.", say_options),
    ACTION("reconnect", "The integration needs its owner.", say_options),
    ACTION("skip", "This request has no records.", say_options),
    ACTION("missing", "The stream is not available here; the others go on.", say_options),
    ACTION("done", "This was the last page.", say_options),
    ACTION("restart", "Reads again from the last commit.", say_options),
    ACTION("smaller", "Halves the window or the page, then tries again.", say_options),
    ACTION("discover", "Describes the fields again, then tries once more.", say_options),
    ACTION("reject", "Refuses this record (in writes).", say_options),
    ACTION("stop", "Ends the run.", say_options)};
const size_t peri_shape_count = COUNT(peri_shapes);

static const peri_shape_spec *named(peri_str name, bool action) {
  for (size_t i = 0; i < peri_shape_count; i++)
    if (peri_shapes[i].action == action && peri_str_is(name, peri_shapes[i].name)) return &peri_shapes[i];
  return NULL;
}
const peri_shape_spec *peri_shape_named(peri_str name) { return named(name, false); }
const peri_shape_spec *peri_action_named(peri_str name) { return named(name, true); }
