/* spec/words_kinds: the options of the 18 kinds and of rules, as data. Included by words.c alone. */
#ifndef PERI_SPEC_WORDS_KINDS_H
#define PERI_SPEC_WORDS_KINDS_H

#include "spec/spec.h"

#define OPT(name, type, fallback, doc)                                                                                                               \
  { name, type, fallback, doc, false }
#define MUST(name, type, doc)                                                                                                                        \
  { name, type, "", doc, true }

/* Every kind takes these. */
#define EVERY_FIELD                                                                                                                                  \
  OPT("required", "bool", "false", "A record without a value here becomes a reject (code required)."),                                               \
      OPT("default", "value", "null", "Takes the place of a value that is absent or null; it is converted like a value of the record."),             \
      OPT("trim", "bool", "true", "Cuts white space off both ends of a text."),                                                                      \
      OPT("case", "choice:lower|upper|keep", "keep; lower for email", "Changes the letters of a text to lower or upper case."),                      \
      OPT("empty", "choice:null|keep", "null; keep for list and json", "What an empty text, after trimming, counts as: no value, or a value."),      \
      OPT("min", "bound", "", "Least value; of a text or list its least length; of a date its earliest, as a text."),                                \
      OPT("max", "bound", "", "Greatest value; of a text or list its greatest length; of a date its latest, as a text."),                            \
      OPT("pattern", "text", "", "A Lua pattern that the converted value must match (anchor it with ^ and $)."),                                     \
      OPT("map", "map", "", "Replaces values: { theirs = \"ours\" }; a value that is not named passes, unless otherwise is given."),                 \
      OPT("otherwise", "scalar", "", "Takes the place of a value that map or options do not name, or that lookup does not find."),                   \
      OPT("lookup", "lookup", "", "The value is a key of another entity; the field takes that row's field: \"owner.fullName\"."),                    \
      OPT("transform", "func", "",                                                                                                                   \
          "A function of the values that the field lists; gives the new value, nil for null, or nil and a reason to reject."),                       \
      OPT("validate", "func", "", "A function of the finished value; gives true, or false and a reason (code validate)."),                           \
      OPT("unique", "bool", "false", "The same value in two records of one run is a reject (code rule)."),                                           \
      OPT("on_error", "choice:reject|null|default|keep", "reject",                                                                                   \
          "When the value can't be converted or fails a check: reject the record, use null, use the default, or keep the last value its kind took."),     \
      OPT("write", "func/bool", "", "How the field goes back to the API: a function of our value, or false for never."),                             \
      OPT("description", "text", "", "What the field means, shown by perilune mappings show.")

#define DATE_OPTIONS                                                                                                                                 \
  OPT("format", "[text]", "ISO 8601, or epoch in ms or s by its size",                                                                               \
      "How the API writes it: \"ms\", \"s\", or a pattern such as \"%d.%m.%Y\"; several are tried in order."),                                       \
      OPT("zone", "text", "UTC", "The zone of values that name none: \"UTC\", \"+02:00\", a zone's name, or \"setting:NAME\".")

#define SCALE_OPTION OPT("scale", "natural", "", "Rounds half to even to so many digits after the point, and keeps exactly that many.")

static const peri_option_spec plain_options[] = {EVERY_FIELD};
static const peri_option_spec text_options[] = {
    EVERY_FIELD, OPT("join", "text", "", "Joins the values of all paths, absent ones left out, with this text between them.")};
static const peri_option_spec list_options[] = {
    EVERY_FIELD, OPT("split", "text", "", "Cuts one text into elements at this text: \";\"."),
    OPT("of", "choice:text|email|url|phone|choice|integer|number|decimal|boolean|date|datetime|time|uuid|json|id", "text",
        "The kind of the elements."),
    OPT("most", "count", "", "More elements than this are a mistake of the value.")};
static const peri_option_spec date_options[] = {EVERY_FIELD, DATE_OPTIONS};
static const peri_option_spec decimal_options[] = {EVERY_FIELD, SCALE_OPTION};
static const peri_option_spec money_options[] = {
    EVERY_FIELD, SCALE_OPTION,
    OPT("currency", "[path]", "", "Where the currency's code stands: \"currency_code\", \"setting:currency\"; the first that has a value."),
    OPT("minor", "bool", "false", "The number counts the smallest unit (cents) and is divided by the currency's own hundred, thousand or one.")};
static const peri_option_spec choice_options[] = {
    EVERY_FIELD, OPT("labels", "bool", "false", "Takes the API's label of the value, as the stream's discover found it."),
    OPT("options", "[scalar]/{scalar}", "", "The values that are allowed, or value and label; others are rejects unless otherwise is given.")};
static const peri_option_spec rest_options[] = {EVERY_FIELD, OPT("prefix", "text", "", "Is put before each name that the API gave."),
                                                OPT("except", "[text]", "", "Names to leave out; * stands for any run of letters.")};

static const peri_option_spec rule_options[] = {
    OPT("need", "choice:any|all|unique", "", "How many of the fields must have a value, or that no two records of a run share their values."),
    OPT("check", "func", "", "A function of the fields' finished values; false or nil means that the rule is broken."),
    OPT("reject", "text", "", "Refuses the record with this reason (code rule)."), OPT("warn", "text", "", "Keeps the row and notes this warning."),
    OPT("skip", "bool/text", "", "Makes no row and no reject.")};

#endif
