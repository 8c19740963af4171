/* spec/words: the table of the 44 words. The options stand in words_files.h, words_request.h and words_kinds.h,
 * plain tables of known options in shapes.c. Checks nothing: that is check*.c. */
#include "spec/words_files.h"

#define COUNT(list) (sizeof(list) / sizeof(list)[0])
#define WITH(options) options, COUNT(options)
#define NO_OPTIONS NULL, 0

#define FILE_WORD(name, what, where, doc, more, options)                                                                                             \
  { name, PERI_WHAT_MUST, what, false, false, where, doc, more, WITH(options) }
#define REQUEST(name, method)                                                                                                                        \
  {                                                                                                                                                  \
    name, PERI_WHAT_MUST, "address", false, false, "wherever a request is wanted; routes of an emulator", "A " method " request.",                   \
        name " \"/v1/contacts\" { query = { limit = 100 } }\nA path starts from the connector's base; a full URL must be of a trusted host. "        \
             "Holes join with .. and each becomes one encoded segment.",                                                                             \
        WITH(request_options)                                                                                                                        \
  }
#define HOLE(name, what, type, where, doc, more, ...)                                                                                                \
  { name, what, type, true, false, where, doc, more, __VA_ARGS__ }
#define OPTIONS_ONLY(name, where, doc, more, options)                                                                                                \
  { name, PERI_WHAT_NONE, "", false, false, where, doc, more, WITH(options) }
#define KIND(name, doc, more, options)                                                                                                               \
  { name, PERI_WHAT_MUST, "[path]", false, true, "fields, key, updated, settings", doc, more, WITH(options) }

const peri_word_spec peri_words[] = {
    FILE_WORD("connector", "name", "a file", "One API: where it is, how it is asked, what its answers mean.",
              "return connector \"acme\" { base = \"https://api.acme.com\", streams = { … } }", connector_options),
    FILE_WORD("stream", "name", "streams, and what more.make gives", "One kind of record of the API.",
              "stream \"contact\" { key = \"id\", full = get \"/contacts\" }", stream_options),
    FILE_WORD("mapping", "name", "a file", "How records of a stream become our rows.",
              "return mapping \"contact\" { from = \"acme.contact\", fields = { email = email \"mail\" } }", mapping_options),
    FILE_WORD("emulator", "name", "a file", "Plays the API on loopback, for demos and tests.",
              "return emulator \"acme\" { routes = { get \"/contacts/{id}\" { answers = function(call, db) … end } } }", emulator_options),
    REQUEST("get", "GET"),
    REQUEST("post", "POST"),
    REQUEST("put", "PUT"),
    REQUEST("patch", "PATCH"),
    REQUEST("delete", "DELETE"),
    HOLE("since", PERI_WHAT_MAY, "stampform", "requests", "Where the stream has got to.",
         "Forms: none for ISO 8601, \"ms\", \"s\", \"date\", or a pattern such as \"%Y-%m-%d %H:%M\".", WITH(since_options)),
    HOLE("upto", PERI_WHAT_MAY, "stampform", "requests", "The upper end of what is asked for now.",
         "The start of the run less the stream's lag, or the end of the window. Forms as for since.", WITH(since_options)),
    HOLE("wanted", PERI_WHAT_MAY, "path", "requests", "The names below this prefix that active mappings and the stream itself read.",
         "query = { properties = wanted \"properties\" }\nNames that discover does not know are never asked for.", WITH(wanted_options)),
    HOLE("setting", PERI_WHAT_MUST, "name", "requests, base, auth",
         "A value of the integration: given by its operator, kept from a reply, or a fragment of its API version.",
         "base = \"https://\" .. setting \"shop\" .. \".example.com\"\nIn a host it must be a kind url, or have a pattern.", WITH(setting_options)),
    HOLE("secret", PERI_WHAT_MUST, "name", "headers, query, form and body of requests", "A credential, which the core writes on the way out.",
         "headers = { [\"X-Api-Key\"] = secret \"apiKey\" }\nNever in a path, a rate or a log; scripts never see its value.", NO_OPTIONS),
    HOLE("parent", PERI_WHAT_MAY, "path", "requests", "A value from what the request is made for: the record behind each, or a job's first reply.",
         "get(\"/issues/\" .. parent \"key\" .. \"/comments\")\nWithout a path it is the item itself.", WITH(parent_options)),
    HOLE("record", PERI_WHAT_MAY, "path", "requests, hooks", "A value from the record at hand: to fetch, to write, the last one read, or a delivery.",
         "body = { ids = { record \"id\" } }\nWithout a path it is all of the record.", WITH(record_options)),
    OPTIONS_ONLY("cursor", "pages", "The next page: a value of the reply goes into the next request.",
                 "pages = cursor { read = \"paging.next.after\", send = \"query.after\" }", cursor_options),
    {"link", PERI_WHAT_MUST, "path", false, false, "pages", "The next page: a link of the reply, of which only path and query are used.",
     "pages = link \"header:Link\"\nA link to another host is never followed.", WITH(link_options)},
    OPTIONS_ONLY("count", "pages", "The next page: by counting pages or records.",
                 "pages = count { send = \"query.page\", total = \"header:X-WP-TotalPages\" }", count_options),
    {"token", PERI_WHAT_MUST, "name", false, false, "auth", "One secret in one place.",
     "auth = token \"apiKey\" { header = \"X-Api-Key\", prefix = \"\" }", WITH(token_options)},
    {"basic", PERI_WHAT_MUST, "name", false, false, "auth", "HTTP Basic: a user and a secret as the password.",
     "auth = basic \"password\" { user = setting \"user\" }", WITH(basic_options)},
    OPTIONS_ONLY("oauth2", "auth", "OAuth 2, whose flows the core runs.",
                 "auth = oauth2 { authorize = \"https://…\", token = \"https://…\", scopes = { … } }", oauth2_options),
    {"when", PERI_WHAT_MUST, "path", false, false, "on, events, done, a field, a slot of a request", "Chooses by a value.",
     "when \"status\" { active = …, [\"closed*\"] = …, otherwise = … }\nExact values come before patterns, longer patterns first; [\"*\"] is any "
     "value that is there.",
     WITH(when_options)},
    {"rule", PERI_WHAT_MUST, "[text]", false, false, "rules", "A rule about the row.",
     "rule { \"email\", \"phone\" } { need = \"any\", reject = \"no way to reach this contact\" }", WITH(rule_options)},
    {"null", PERI_WHAT_NONE, "", false, false, "anywhere a value stands", "JSON's null, where Lua's nil can't stand in a table.",
     "body = { parent = null }", NO_OPTIONS},
    {"use", PERI_WHAT_MUST, "name", false, false, "anywhere", "What another file of the project gives: lib/NAME.lua.",
     "local phones = use \"phones\"", NO_OPTIONS},
    KIND("text", "A text.", "Takes texts, numbers and booleans (as JSON writes them).", text_options),
    KIND("email", "An e-mail address, in lower case.", "Takes a text that has one @ with something sensible on both sides.", plain_options),
    KIND("url", "A URL with its scheme.", "Takes a text such as https://example.com/a; as a setting it may be a whole host.", plain_options),
    KIND("phone", "A telephone number.", "Takes a text or number with 7 to 15 digits; spaces, brackets, dots and hyphens are allowed.",
         plain_options),
    KIND("choice", "One of a set of values.", "Takes texts, numbers and booleans, as text.", choice_options),
    KIND("integer", "A whole number, exact to the last digit.", "Takes 12, 12.0, 1e3 and texts of them.", plain_options),
    KIND("number", "A floating-point number.", "Takes numbers and texts of them.", plain_options),
    KIND("decimal", "An exact decimal number, never rounded unless scale is given.", "Takes numbers and texts of them; kept as their digits.",
         decimal_options),
    KIND("money", "An exact amount with its currency.", "Takes what decimal takes.", money_options),
    KIND("boolean", "True or false.", "Takes true, false, 1, 0 and the texts true, false, yes, no, 1, 0 in any case.", plain_options),
    KIND("date", "A day without a time.", "Takes ISO dates, ISO datetimes (their day in zone) and epochs; gives 2026-11-23.", date_options),
    KIND("datetime", "A moment, in UTC.", "Takes ISO 8601 in the forms that APIs write, and epochs in ms or s; gives 2026-11-23T01:02:03.004Z.",
         date_options),
    KIND("time", "A time of day.", "Takes 09:30, 09:30:15 and 09:30:15.250.", plain_options),
    KIND("uuid", "A UUID.", "Takes every usual spelling; gives lower case with hyphens.", plain_options),
    KIND("list", "A list.", "Takes JSON lists, a path with [], or one text to split.", list_options),
    KIND("json", "Anything, kept as it came.", "Numbers, key order and every character keep their meaning.", plain_options),
    KIND("id", "A key: a text or a whole number, as text.",
         "id { \"parent:id\", \"id\" } { join = \":\" }\nA list of paths with join makes one key of several values.", text_options),
    KIND("rest", "Whatever the record has below this path that no other field reads.",
         "custom = rest \"properties\" { except = { \"hs_*\" } }\nA mapping with rest asks for everything that discover found.", rest_options),
};
const size_t peri_word_count = COUNT(peri_words);

const peri_word_spec *peri_word_named(peri_str name) {
  for (size_t i = 0; i < peri_word_count; i++)
    if (name.n && name.p[0] == peri_words[i].name[0] && peri_str_is(name, peri_words[i].name)) return &peri_words[i];
  return NULL;
}

const peri_option_spec *peri_option_named(const peri_word_spec *word, peri_str name) {
  for (size_t i = 0; word && i < word->option_count; i++)
    if (peri_str_is(name, word->options[i].name)) return &word->options[i];
  return NULL;
}

peri_str peri_word_suggest(peri_str name) {
  peri_str names[COUNT(peri_words)];
  for (size_t i = 0; i < peri_word_count; i++) names[i] = peri_str_of(peri_words[i].name);
  return peri_suggest(name, names, peri_word_count);
}

#define OPTIONS_MAX 64 /* the longest list has 25 */
peri_str peri_option_suggest(const peri_option_spec *options, size_t count, peri_str name) {
  peri_str names[OPTIONS_MAX];
  if (count > OPTIONS_MAX) count = OPTIONS_MAX;
  for (size_t i = 0; i < count; i++) names[i] = peri_str_of(options[i].name);
  return peri_suggest(name, names, count);
}
