/* spec/words_files: the options of connector, stream, mapping and emulator, as data. Included by words.c alone. */
#ifndef PERI_SPEC_WORDS_FILES_H
#define PERI_SPEC_WORDS_FILES_H

#include "spec/words_request.h"

static const peri_option_spec connector_options[] = {
    OPT("title", "text", "", "The API's name as people write it."),
    OPT("category", "text", "", "What kind of system it is: \"CRM\", \"Shop\"."),
    OPT("platform", "text", "its name", "The platform that the API belongs to."),
    OPT("popular", "bool", "false", "Is listed first."),
    OPT("documentation", "text", "", "The URL of the API's own documentation."),
    OPT("description", "text", "", "One sentence for the list of connectors."),
    MUST("base", "host", "The URL that all paths start from; a setting may be its whole, or one label of its host."),
    OPT("hosts", "[text]", "", "Patterns that a host kept from a reply must match: \"*.my.salesforce.com\"."),
    OPT("auth", "[auth]", "", "How requests prove who they are; of several, one is chosen when an integration is added."),
    OPT("settings", "[asked]", "", "What the operator is asked for, in this order: kinds with a setting's name."),
    OPT("versions", "versions", "", "The API's versions; the first is the default, and each may bring fragments that setting \"NAME\" reads."),
    OPT("headers", "{slot}", "", "Headers of every request."),
    OPT("query", "{data}", "", "Entries of every request's query."),
    OPT("rates", "{[shape:limit]}", "", "How much may be asked: a class, or several, such as default = \"100/10s\"."),
    OPT("pages", PAGES, "none", "How the next page is asked for, unless a request says otherwise."),
    OPT("records", "path", "", "Where the records stand in replies, unless a request says otherwise."),
    OPT("format", FORMAT, "json", "How replies are written, unless a request says otherwise."),
    OPT("reason", "[path]", "", "Where a failed reply says in words what is wrong."),
    OPT("timeout", "duration", "60s", "How long a whole reply may take."),
    OPT("check", "request", "", "The cheapest request that proves the connection; it may keep values of its reply."),
    OPT("on", "on", "", "What answers mean: actions by status (404, \"5xx\"), or by a value with when."),
    OPT("streams", "[stream]", "", "The kinds of record that the API has."),
    OPT("more", "[shape:more]", "", "Streams that only the account knows; found by asking it."),
    OPT("hooks", "{shape:hook}", "", "Webhooks that the API sends, by a name that becomes part of their URL."),
    OPT("once", "text", "", "The header that makes a repeated write safe.")};

static const peri_option_spec stream_options[] = {
    MUST("key", "[path]", "The path of the record's id; several are joined with a colon."),
    OPT("full", SOURCE, "", "The request that reads everything."),
    OPT("changes", SOURCE, "", "The request that reads what changed since the last run; without it full is asked each time."),
    OPT("archived", SOURCE, "", "A request whose records are all deletions."),
    OPT("fetch", "request", "", "The request that reads records by their keys."),
    OPT("updated", "stamp", "", "The field that says when a record changed; its kind decides how two of them compare."),
    OPT("overlap", "duration", "1m", "Starts so much earlier than the last stamp seen, once per run; 0s where stamps are dates or numbers."),
    OPT("lag", "duration", "0s", "Ends so much before now, for APIs that show changes late."),
    OPT("window", "duration", "", "Asks in slices of at most this length."),
    OPT("each", "each", "", "Asked once per record of another stream, or per item of a list: \"issue\", { repo = setting \"repositories\" }."),
    OPT("visit", "choice:changed|all", "changed", "Which of those records are asked for in a run: changed ones, or all."),
    OPT("sweep", "duration", "", "How often everything is read again, to find deletions and changes that move no stamp."),
    OPT("merged", "shape:merged", "", "Paths with the keys of records that this one has absorbed."),
    OPT("discover", "request", "", "The request that lists the fields which the account has."),
    OPT("events", EVENTS, "", "The stream's records are events about other streams: what each one means."),
    OPT("store", "bool", "true", "Whether its records are kept."),
    OPT("after", "[streamname]", "", "Streams that are read before this one."),
    OPT("write", "shape:write", "", "How rows go back to the API."),
    OPT("pull", "func", "", "A function that does the paging itself, for what the words can't describe."),
    OPT("removed", "shape:removed", "", "As the option of a request, for all of its requests."),
    OPT("records", "path", "the connector's", "As the option of a request, for all of its requests."),
    OPT("pages", PAGES, "the connector's", "As the option of a request, for all of its requests."),
    OPT("format", FORMAT, "the connector's", "As the option of a request, for all of its requests."),
    OPT("rate", "class", "default", "As the option of a request, for all of its requests."),
    OPT("on", "on", "the connector's", "As the option of a request, for all of its requests.")};

static const peri_option_spec mapping_options[] = {
    OPT("from", "source", "", "The connector and stream that it reads: \"hubspot.contact\"."),
    OPT("key", "kind/[path]", "the stream's key", "The row's external id."),
    OPT("rows", "path", "", "One row for each element found here; the rows of a record are replaced as a set."),
    OPT("fields", "fields", "", "Our fields: a name and what it reads; a plain table is an object of ours."),
    OPT("rules", "[rule]", "", "Rules about the whole row."),
    OPT("examples", "[shape:example]", "", "Records and the rows they must give; a file whose example fails is refused."),
    OPT("extends", "text", "", "Starts from another mapping file: \"hubspot/contact\"."),
    OPT("integration", "name", "", "Holds for this integration only."),
    OPT("change", "change", "", "Options of fields that extends brought: { email = { required = false } }."),
    OPT("drop", "[text]", "", "Fields that extends brought and that are not wanted.")};

static const peri_option_spec emulator_options[] = {
    OPT("title", "text", "", "The API's name as people write it."),
    OPT("base", "text", "", "A path that all routes start with."),
    OPT("credentials", "{text}", "", "The names and values of the secrets that it accepts."),
    OPT("auth", "auth", "token \"accessToken\"", "How callers show their credential."),
    OPT("settings", "table", "", "Values that its functions read."),
    OPT("data", "{shape:data}", "", "Its tables and how their rows are made."),
    OPT("rates", "{[shape:emulated_limit]}", "", "The limits that it holds callers to."),
    MUST("routes", "[route]", "Requests that it answers; {name} in a path stands for one segment."),
    OPT("hooks", "{shape:emulated_hook}", "", "Webhooks that it sends when its data change."),
    OPT("refused", "func/table", "", "The answer to a call without a valid credential, or for which there is no route."),
    OPT("limited", "func/table", "", "The answer to a call beyond a limit."),
    OPT("setup", "func", "", "Runs once after the data are made."),
    OPT("control", "func", "", "Answers calls of the emulator's own control endpoint that the framework does not know."),
    OPT("state", "table", "", "Values that its functions read and change.")};

#endif
