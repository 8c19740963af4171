/* spec/words_request: the options of requests, holes, pagers and credentials, as data. Included by words.c alone. */
#ifndef PERI_SPEC_WORDS_REQUEST_H
#define PERI_SPEC_WORDS_REQUEST_H

#include "spec/spec.h"
#include "spec/words_kinds.h"

/* A request, a job, or a choice between them: what full, changes and archived take. */
#define SOURCE "request/when<request/shape:job>/shape:job"
#define PAGES "pager/shape:again/choice:none"
#define FORMAT "shape:format"
#define EVENTS "when<[shape:event/choice:ignore]>/[shape:event/choice:ignore]"

static const peri_option_spec request_options[] = {
    OPT("query", "{data}", "",
        "Entries of the query; a list is joined with commas, or repeated where the name ends in []; an absent value leaves its entry out."),
    OPT("headers", "{slot}", "", "Headers of this request; they win over the connector's."),
    OPT("body", "data", "", "The JSON body, or a text that is sent as it is."),
    OPT("form", "{data}/hole", "", "A form-encoded body; nested tables become a[b]."),
    OPT("records", "path", "the connector's",
        "Where the records stand in the reply: \"results\", \"[]\" if the reply is the list, \"\" if it is the record."),
    OPT("record", "path", "", "Where the record stands inside each item of the list."),
    OPT("format", FORMAT, "json", "How the reply is written: \"json\", \"ndjson\", \"csv\", \"xml\"."),
    OPT("pages", PAGES, "the connector's",
        "How the next page is asked for: a pager, \"none\", or \"again\" for the same request with its holes moved on."),
    OPT("since", "path", "", "Where the reply says what the next run starts from; the hole since gives it back unchanged."),
    OPT("removed", "shape:removed", "", "A record where this is true, has a stamp, or equals the value given, is a deletion."),
    OPT("ties", "request", "", "Asked when a full page of \"again\" holds one and the same stamp; goes on inside that stamp."),
    OPT("batch", "count", "", "How many records one request asks about; the list that holds the record's hole is repeated for each."),
    OPT("match", "path", "", "How answers find their question: a path of the key, or \"order\"; a question without an answer is gone."),
    OPT("rate", "class", "default", "The class of the connector's rates that this request spends from."),
    OPT("cost", "number", "1", "How much of that class it spends."),
    OPT("etag", "bool", "false", "Remembers the reply's ETag by URL and asks with it; 304 then means nothing new."),
    OPT("keep", "{path}", "", "Values of the reply to store as settings of the integration, which only the API changes."),
    OPT("on", "on", "the stream's, then the connector's",
        "What answers mean, by status or by a value; named keys win over the stream's and the connector's."),
    OPT("reason", "[path]", "the connector's", "Where a failed reply says in words what is wrong."),
    OPT("timeout", "duration", "60s", "How long the whole reply may take."),
    OPT("gives", "shape:gives", "", "Which part of the reply means what, for discover and write."),
    OPT("every", "duration", "2s", "How often a job's poll is sent."),
    OPT("done", "when<actions>", "", "When a job's poll has ended, and how: choices are actions."),
    OPT("open", "bool", "false", "An emulator's route: it needs no credential."),
    OPT("answers", "func/table", "", "An emulator's answer: a function of call and db that gives status, body and headers, or the body itself.")};

#define HOLE_DEFAULT OPT("default", "value", "", "Stands in when there is no value.")
#define HOLE_QUOTE OPT("quote", "text", "", "Puts the text between these marks and escapes mark and backslash inside it.")
#define HOLE_AS OPT("as", "choice:path", "", "In a path: \"path\" keeps its slashes, where otherwise it becomes one encoded segment.")
static const peri_option_spec since_options[] = {HOLE_DEFAULT};
static const peri_option_spec wanted_options[] = {
    OPT("join", "text", ",", "What stands between the names."),
    OPT("most", "size", "", "If the names grow longer than this, keys are read without names, and records by the stream's fetch.")};
static const peri_option_spec setting_options[] = {HOLE_DEFAULT, HOLE_QUOTE, HOLE_AS};
static const peri_option_spec parent_options[] = {OPT("of", "name", "", "The name of an ancestor stream, where each is nested."), HOLE_QUOTE, HOLE_AS,
                                                  HOLE_DEFAULT};
static const peri_option_spec record_options[] = {HOLE_QUOTE, HOLE_AS, HOLE_DEFAULT};

static const peri_option_spec cursor_options[] = {
    MUST("read", "[path]", "Where the reply holds the value for the next page; the first path that has one."),
    MUST("send", "target", "Where the value goes in the next request: \"query.after\", \"body.after\"."),
    OPT("more", "path", "", "Where the reply says whether there are more pages."),
    OPT("done", "path/when<actions>", "", "Where the reply says that this was the last page."),
    OPT("none", "[scalar]", "", "Values of the cursor that mean that there is no next page."),
    OPT("without", "[text]", "", "Entries of the query to leave out once the cursor is sent."),
    OPT("most", "count", "", "The API gives no more records than this by paging; then the stream goes on from its last stamp.")};
static const peri_option_spec link_options[] = {OPT("rel", "text", "next", "Which link of a Link header is meant.")};
static const peri_option_spec count_options[] = {MUST("send", "target", "Where the number goes in the request: \"query.page\", \"query.offset\"."),
                                                 OPT("first", "natural", "1; 0 by records", "The number of the first page."),
                                                 OPT("by", "choice:page|records", "page", "Counts pages, or records (an offset)."),
                                                 OPT("total", "path", "", "Where the reply says how many pages (or records) there are."),
                                                 OPT("done", "path/when<actions>", "", "Where the reply says that this was the last page."),
                                                 OPT("more", "path", "", "Where the reply says whether there are more pages.")};

static const peri_option_spec token_options[] = {OPT("header", "text", "Authorization", "The header that carries the secret."),
                                                 OPT("prefix", "text", "Bearer ", "What stands before the secret in the header; in a header other than Authorization nothing, unless it is written."),
                                                 OPT("query", "text", "", "The entry of the query that carries the secret, instead of a header.")};
static const peri_option_spec basic_options[] = {OPT("user", "slot", "", "The user's name: a text or a hole.")};
static const peri_option_spec oauth2_options[] = {
    OPT("issuer", "host", "", "The provider's issuer URL: endpoints that are not written here are found in its discovery document."),
    OPT("authorize", "address", "the issuer's", "Where the user is sent to agree."),
    OPT("token", "address", "the issuer's", "Where codes and refresh tokens are exchanged for tokens."),
    OPT("device", "address", "the issuer's", "Where a device code is asked for, for logins without a browser on this machine."),
    OPT("revoke", "address", "the issuer's", "Where a token is given back when the integration is removed."),
    OPT("scopes", "[text]", "", "What to ask the user for."),
    OPT("grants", "[choice:code|device|refresh_token|client_credentials|jwt]", "code", "Which ways to a token the API offers; the first is the one taken."),
    OPT("client_auth", "choice:body|basic|none", "body",
        "How the client shows its secret at the token endpoint: in the form, as HTTP Basic, or not at all."),
    OPT("pkce", "bool", "true", "Proves with a one-time secret that the one who started the login also ends it."),
    OPT("redirect", "text", "a free port on 127.0.0.1", "The redirect URI, where the provider takes only the one that was registered."),
    OPT("client", "name", "clientId", "The name of the credential that holds the client's id."),
    OPT("subject", "slot", "the client's id", "With jwt: on whose behalf a token is asked for."),
    OPT("audience", "slot", "the token endpoint", "With jwt: who is to read the assertion."),
    OPT("expires", "path", "expires_in", "Where the token's reply says for how many seconds it holds."),
    OPT("params", "{slot}", "", "More entries for the authorize and token requests."),
    OPT("keep", "{path}", "", "Values of the token's reply to store as settings of the integration.")};
static const peri_option_spec when_options[] = {OPT("otherwise", "any", "", "What holds when no other value does, an absent one included.")};

#endif
