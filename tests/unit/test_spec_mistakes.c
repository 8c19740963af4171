/* Mistakes and what they answer, word for word: the answer is the feature. */
#include <stdio.h>

#include "spec_help.h"

#define COUNT(list) (sizeof(list) / sizeof(list)[0])
#define HERE "acme.lua:"

static void in_options(void **state) {
  (void)state;
  static const struct mistake list[] = {
      {FIELDS("'email'," W("email", "2", "'a'", "'requierd',true")), HERE "2: email has no option 'requierd' (did you mean 'required'?)"},
      {WITH_STREAM(FULL ",'chnages'," BARE("get", "9", "'/x'")), HERE "8: stream 'lead' has no option 'chnages' (did you mean 'changes'?)"},
      {FIELDS("'a'," W("text", "2", "'a'", "'qqqqqqq',true")), HERE "2: text has no option 'qqqqqqq'"},
      {FIELDS("'a'," W("text", "2", "'a'", "{'k':'7'},true")), HERE "2: text has no option '7'"},
      {FIELDS("'a'," W("email", "2", "'a'", "'join',' '")), HERE "2: email has no option 'join' (did you mean 'min'?)"},
      {FIELDS("'a'," W("email", "2", "'a'", "'required','yes'")), HERE "2: email: required wants true or false, not \"yes\""},
      {FIELDS("'a'," W("email", "2", "'a'", "'on_error','rejct'")),
       HERE "2: email: on_error wants \"reject\", \"null\", \"default\" or \"keep\", not \"rejct\" (did you mean 'reject'?)"},
      {FIELDS("'a'," W("email", "2", "'a'", "'transform','upper'")), HERE "2: email: transform wants a function, not \"upper\""},
      {FIELDS("'a'," W("choice", "2", "'a'", "'map',['low','high']")),
       HERE "2: choice: map wants a table such as { theirs = \"ours\", [\"1\"] = \"one\" }, not a table"},
      {FIELDS("'a'," W("decimal", "2", "'a'", "'scale',-1")), HERE "2: decimal: scale wants a whole number from 0, not -1"},
      {FIELDS("'a'," W("decimal", "2", "'a'", "'scale',{'d':2.5}")), HERE "2: decimal: scale wants a whole number, not 2.5"},
      {FIELDS("'a'," W("text", "2", "'a'", "'lookup','owner'")),
       HERE "2: text: lookup wants two names with a dot between them, such as \"owner.fullName\", not \"owner\""},
      {FIELDS("'a'," W("integer", "2", "'a'", "'min',5,'max',3")), HERE "2: integer has min 5, which is above its max 3"},
      {FIELDS("'a'," W("list", "2", "'a'", "'of','integr'")),
       HERE "2: list: of wants \"text\", \"email\", \"url\", \"phone\", \"choice\", \"integer\", \"number\", \"decimal\", "
            "\"boolean\", \"date\", \"datetime\", \"time\", \"uuid\", \"json\" or \"id\", not \"integr\" (did you mean 'integer'?)"},
      {FIELDS("'a'," W("text", "2", "'a'", "'default',{'f':1}")), HERE "2: text: default wants a plain value, not a function"},
      {FIELDS("'a'," W("text", "2", "'a'", "'default'," BARE("setting", "3", "'x'"))),
       HERE "2: text: setting can't stand in default, which wants a plain value"},
      {FIELDS("'a',"
              "{'w':'text','l':2,'a':'a','o':['x']}"),
       HERE "2: text takes options by name, but \"x\" has none"},
      {FIELDS("'a'," ONLY("text", "7", "'min',1")), HERE "7: text wants a path or a list of paths before its options"},
      {FIELDS("'a'," BARE("text", "2", "5")), HERE "2: text wants a path or a list of paths, not 5"},
      {FIELDS("'a'," BARE("text", "2", "['a',5]")), HERE "2: text: [2] wants a path, not 5"},
      {FIELDS("'a'," BARE("text", "2", "'items[*].x'")), HERE "2: text: a path has no wildcards, but \"items[*].x\" holds a *"},
      {FIELDS("'a'," BARE("txet", "2", "'a'")),
       HERE "1: mapping 'contact': txet can't stand in fields.a, which wants a kind (text, integer, datetime, …), when or a table of fields"},
  };
  all_fail("acme.lua", list, COUNT(list));
}

static void in_requests(void **state) {
  (void)state;
  static const struct mistake list[] = {
      {REQUEST("'recrods','a'"), HERE "9: get has no option 'recrods' (did you mean 'records'?)"},
      {REQUEST("'pages','agian'"),
       HERE "9: get: pages wants a pager (cursor, link or count), \"again\" or \"none\", not \"agian\" (did you mean 'again'?)"},
      {REQUEST("'pages'," FIRST("'agian'", "'most',3")),
       HERE "9: get: pages wants a pager (cursor, link or count), \"again\" or \"none\", not \"agian\" (did you mean 'again'?)"},
      {REQUEST("'pages'," FIRST("'again'", "'msot',3")), HERE "9: get: pages has no option 'msot' (did you mean 'most'?)"},
      {REQUEST("'pages'," FIRST("'again'", "'most',0")), HERE "9: get: pages.most wants a whole number from 1, not 0"},
      {REQUEST("'pages'," T("'most',3")), HERE "9: get: pages wants a pager (cursor, link or count), \"again\" or \"none\", not a table"},
      {REQUEST("'pages'," ONLY("cursor", "10", "'read','a'")), HERE "10: cursor needs send"},
      {REQUEST("'pages'," ONLY("cursor", "10", "'read','a','send','quary.after'")),
       HERE "10: cursor: send wants a place in the request such as \"query.after\" or \"body.after\", not \"quary.after\" (did you mean 'query'?)"},
      {REQUEST("'pages'," ONLY("count", "10", "'first',1")), HERE "10: count needs send"},
      {REQUEST("'pages'," ONLY("count", "10", "'send','query.p','by','pages'")),
       HERE "10: count: by wants \"page\" or \"records\", not \"pages\" (did you mean 'page'?)"},
      {REQUEST("'pages'," W("cursor", "10", "'a'", "'read','a','send','query.a'")), HERE "10: cursor takes only options in { }, not \"a\""},
      {REQUEST("'format','cvs'"), HERE "9: get: format wants a format (json, ndjson, csv or xml), not \"cvs\" (did you mean 'csv'?)"},
      {REQUEST("'format'," FIRST("'csv'", "'delimeter',';'")), HERE "9: get: format has no option 'delimeter' (did you mean 'delimiter'?)"},
      {REQUEST("'timeout','soon'"), HERE "9: get: timeout wants a duration such as \"10s\", \"5m\", \"2h\" or \"30d\", not \"soon\""},
      {REQUEST("'timeout',30"), HERE "9: get: timeout wants a duration such as \"10s\", not 30"},
      {REQUEST("'rate','serach'"), HERE "9: get: rates have no class 'serach'"},
      {CONNECTOR("'rates'," T("'search','4/s'") ",'streams',[" STREAM("8", "'full'," W("get", "9", "'/x'", "'rate','serach'")) "]"),
       HERE "9: get: rates have no class 'serach' (did you mean 'search'?)"},
      {REQUEST("'rate'," BARE("secret", "10", "'key'")),
       HERE "9: get: rate: secret can't stand here; it may stand in headers, query, form and body of a request"},
      {WITH_STREAM("'full',{'w':'get','l':9,'a':{'j':['/x/'," BARE("secret", "9", "'key'") "]}}"),
       HERE "9: secret \"key\" can't stand in a path; it may stand in headers, query, form and body of a request"},
      {REQUEST("'on',{'m':[{'k':'404'}," FIRST("'stop'", "'say'," BARE("secret", "9", "'key'")) "]}"),
       HERE "9: get: on[404].say: secret can't stand here; it may stand in headers, query, form and body of a request"},
      {REQUEST("'query'," T("'a'," BARE("text", "10", "'x'"))), HERE "9: get: text can't stand in query.a, which wants plain values and holes"},
      {REQUEST("'body'," T("'a',[1,{'f':1}]")), HERE "9: get: body.a[2] wants plain values and holes, not a function"},
      {REQUEST("'body',{'j':['a'," BARE("email", "10", "'x'") "]}"), HERE "9: get: body wants texts and holes to join, not email"},
      {REQUEST("'headers'," T("'X-A',[1,2]")), HERE "9: get: headers.X-A wants a text or a hole, not a table"},
      {REQUEST("'body',1,'form'," T("'a',1")), HERE "9: get can't have both body and form"},
      {REQUEST("'answers',{'f':1}"), HERE "9: get can't have answers outside the routes of an emulator"},
      {REQUEST("'batch',0"), HERE "9: get: batch wants a whole number from 1, not 0"},
      {REQUEST("'cost',0"), HERE "9: get: cost wants a number above 0, not 0"},
      {REQUEST("'gives'," T("'nmae','a'")), HERE "9: get: gives has no option 'nmae' (did you mean 'name'?)"},
      {REQUEST("'removed',['a','b','c',{'f':1}]"), HERE "9: get: removed wants a text, a number, a boolean or null, not a function"},
      {REQUEST("'query'," T("'a'," BARE("since", "10", "'mss'"))),
       HERE "10: since has no form 'mss'; there are \"ms\", \"s\", \"date\" and patterns with % (did you mean 'ms'?)"},
      {REQUEST("'query'," T("'a'," W("wanted", "10", "'p'", "'most','big'"))), HERE "10: wanted: most wants a size such as \"5KB\", not \"big\""},
      {REQUEST("'query'," T("'a'," W("record", "10", "'p'", "'as','paht'"))),
       HERE "10: record: as wants \"path\", not \"paht\" (did you mean 'path'?)"},
      {REQUEST("'query'," T("'a',{'w':'when','l':10,'a':'x'}")), HERE "10: get: query.a: when has no choices"},
      {REQUEST("'query'," T("'a'," HOLE("when", "10"))), HERE "10: get: query.a: when wants a path before its choices"},
      {REQUEST("'query'," T("'a',{'w':'when','l':10,'a':'x','o':['y']}")),
       HERE "10: get: query.a: each choice of when needs its value, but \"y\" has none (the number 1 is written [\"1\"])"},
      {WITH_STREAM("'full'," BARE("get", "9", "'leads'")), HERE "9: get wants a path that starts with '/', or a full URL, not \"leads\""},
      {WITH_STREAM("'full'," BARE("get", "9",
                                  "{'j':['https://a.',"
                                  "{'w':'record','l':9,'a':'x'}"
                                  ",'/leads']}")),
       HERE "9: get: only setting may stand in a host, not record"},
      {WITH_STREAM("'full'," BARE("get", "9", "5")), HERE "9: get wants a path or a URL, not 5"},
      {WITH_STREAM("'full'," BARE("get", "9",
                                  "{'j':['/leads/',"
                                  "{'w':'parent','l':9,'a':'id'}"
                                  "]}")),
       HERE "9: parent is used, but stream 'lead' has no each; add each = \"…\""},
      {CONNECTOR("'check',{'w':'get','l':2,'a':{'j':['/a/'," BARE("parent", "2", "'id'") "]}},'streams',[" STREAM("8", FULL) "]"),
       HERE "2: parent is used outside a stream, where nothing stands around a request"},
      {WITH_STREAM("'full'," T("'create',{'w':'get','l':9,'a':{'j':['/a/'," BARE("parent", "9", "'id'") "]}},'read'," BARE("get", "9", "'/x'"))),
       HERE "9: parent is used, but stream 'lead' has no each; add each = \"…\""},
  };
  all_fail("acme.lua", list, COUNT(list));
}

static void in_streams(void **state) {
  (void)state;
  static const struct mistake list[] = {
      {CONNECTOR("'streams',[" W("stream", "8", "'lead'", FULL) "]"), HERE "8: stream 'lead' needs key"},
      {WITH_STREAM("'sweep','1d'"), HERE "8: stream 'lead' needs full, changes or pull: a request that reads its records"},
      {WITH_STREAM("'full'," BARE("text", "9", "'x'")),
       HERE "8: stream 'lead': text can't stand in full, which wants a request (get, post, put, patch or delete), when or a job"},
      {WITH_STREAM(FULL ",'overlap','ten minutes'"),
       HERE "8: stream 'lead': overlap wants a duration such as \"10s\", \"5m\", \"2h\" or \"30d\", not \"ten minutes\""},
      {WITH_STREAM(FULL ",'visit','every'"), HERE "8: stream 'lead': visit wants \"changed\" or \"all\", not \"every\""},
      {WITH_STREAM(FULL ",'updated'," BARE("boolean", "9", "'x'")),
       HERE "8: stream 'lead': boolean can't stand in updated, which wants datetime, date, integer or decimal"},
      {WITH_STREAM(FULL ",'updated','modified'"), HERE "8: stream 'lead': updated wants datetime, date, integer or decimal, not \"modified\""},
      {WITH_STREAM(FULL ",'each','laed'"), HERE "8: stream 'lead': each: there is no stream 'laed' (did you mean 'lead'?)"},
      {WITH_STREAM(FULL ",'each','lead'"), HERE "8: stream 'lead' has each 'lead', which leads back to itself"},
      {WITH_STREAM(FULL ",'each'," FIRST("'lead'", "'havign','x'")), HERE "8: stream 'lead': each has no option 'havign' (did you mean 'having'?)"},
      {WITH_STREAM(FULL ",'each'," T("'a',[1],'b',[2]")), HERE
       "8: stream 'lead': each wants a stream's name, { \"NAME\", having = path }, or one list of items such as { repo = setting \"repositories\" }"},
      {WITH_STREAM(FULL ",'after',['lead','led']"), HERE "8: stream 'lead': after[2]: there is no stream 'led' (did you mean 'lead'?)"},
      {WITH_STREAM("'full'," T("'create'," BARE("post", "9", "'/j'"))), HERE "8: stream 'lead': full needs read"},
      {WITH_STREAM("'full'," T("'creat'," BARE("post", "9", "'/j'"))), HERE "8: stream 'lead': full has no option 'creat' (did you mean 'create'?)"},
      {WITH_STREAM("'full'," T("'create'," BARE("post", "9", "'/j'") ",'poll'," BARE("get", "9", "'/j'") ",'read'," BARE("get", "9", "'/r'"))),
       HERE "8: stream 'lead': full needs done in its poll, to know when the job has ended"},
      {WITH_STREAM("'full',[" BARE("get", "9", "'/a'") "," BARE("get", "9", "'/b'") "]"), HERE "8: stream 'lead': full: get needs a name before it"},
      {WITH_STREAM(FULL ",'pull'," BARE("get", "9", "'/a'")), HERE "8: stream 'lead': get can't stand in pull, which wants a function"},
      {WITH_STREAM(FULL ",'write'," T("'craete'," BARE("get", "9", "'/a'"))),
       HERE "8: stream 'lead': write has no option 'craete' (did you mean 'create'?)"},
      {WITH_STREAM(FULL ",'merged'," FIRST("'a'", "'spilt',';'")), HERE "8: stream 'lead': merged has no option 'spilt' (did you mean 'split'?)"},
      {WITH_STREAM(FULL ",'events'," T("'changed','lead','removed','lead'")),
       HERE "8: stream 'lead': events needs one of changed, removed and erased"},
      {WITH_STREAM(FULL ",'events',{'w':'when','l':9,'a':'t','o':{'m':['x.*'," T("'changed','laed'") "]}}"),
       HERE "9: stream 'lead': events[\"x.*\"].changed: there is no stream 'laed' (did you mean 'lead'?)"},
      {WITH_STREAM(FULL ",'events',{'w':'when','l':9,'a':'t','o':{'m':['x','ingore']}}"),
       HERE "9: stream 'lead': events.x wants a table such as { changed = \"contact\", id = \"objectId\" } or \"ignore\", or a list of these, not "
            "\"ingore\" (did you mean 'ignore'?)"},
      {W("stream", "3", "'a b'", "'key','id'," FULL), HERE "3: stream 'a b' wants a name without spaces, slashes and colons, not \"a b\""},
  };
  all_fail("acme.lua", list, COUNT(list));
}

static void in_answers(void **state) {
  (void)state;
#define ON(members) REQUEST("'on',{'m':[" members "]}")
  static const struct mistake list[] = {
      {ON("{'k':'429'},'wiat'"), HERE "9: get: on[429]: there is no action 'wiat' (did you mean 'wait'?)"},
      {ON("{'k':'429'}," FIRST("'wait'", "'tmie','10s'")), HERE "9: get: on[429]: wait has no option 'tmie' (did you mean 'time'?)"},
      {ON("{'k':'429'}," FIRST("'wait'", "'time','10 s'")),
       HERE "9: get: on[429].time wants a duration such as \"10s\", \"5m\", \"2h\" or \"30d\", not \"10 s\""},
      {ON("{'k':'429'}," FIRST("'wait'", "'till','noon'")), HERE "9: get: on[429].till wants \"midnight\", not \"noon\""},
      {ON("{'k':'404'}," FIRST("'skip'", "'time','1s'")), HERE "9: get: on[404]: skip has no option 'time'"},
      {ON("{'k':'500'}," FIRST("'retry'", "'wait',3")), HERE "9: get: on[500].wait wants a duration such as \"10s\", not 3"},
      {ON("{'k':'404'}," FIRST("'stop'", "'say',3")), HERE "9: get: on[404].say wants a text, not 3"},
      {ON("{'k':'404'}," T("'time','1s'")), HERE "9: get: on[404] wants its action first, such as { \"wait\", time = \"10s\" }"},
      {ON("{'k':'404'},['skip','stpo']"), HERE "9: get: on[404][2]: there is no action 'stpo' (did you mean 'stop'?)"},
      {ON("{'k':'404'},7"), HERE "9: get: on[404] wants an action, a list of actions, or when, not 7"},
      {ON("{'k':'700'},'skip'"), HERE "9: get: on has no status '700'; statuses are 100 to 599, or \"4xx\", \"5xx\""},
      {ON("'6xx','skip'"), HERE "9: get: on has no status '6xx'; statuses are 100 to 599, or \"4xx\", \"5xx\""},
      {ON("{'k':'400'},{'w':'when','l':11,'a':'code','o':{'m':['X','smaler']}}"),
       HERE "11: get: on[400].X: there is no action 'smaler' (did you mean 'smaller'?)"},
      {REQUEST("'on',['skip','stop']"), HERE "9: get: on[1]: only when may stand in on without a status, not \"skip\""},
      {REQUEST("'done',{'w':'when','l':10,'a':'s','o':{'m':['A','okay']}}"), HERE "10: get: done.A: there is no action 'okay' (did you mean 'ok'?)"},
  };
  all_fail("acme.lua", list, COUNT(list));
}

static void in_connectors(void **state) {
  (void)state;
#define STREAMS "'streams',[" STREAM("8", FULL) "]"
  static const struct mistake list[] = {
      {CONNECTOR("'titel','Acme'," STREAMS), HERE "1: connector 'acme' has no option 'titel' (did you mean 'title'?)"},
      {W("connector", "1", "'acme'", STREAMS), HERE "1: connector 'acme' needs base"},
      {CONNECTOR("'title','Acme'"), HERE "1: connector 'acme' needs streams"},
      {CONNECTOR("'streams',[" BARE("text", "2", "'x'") "]"), HERE "1: connector 'acme': text can't stand in streams[1], which wants a stream"},
      {CONNECTOR("'streams',[[" STREAM("8", FULL) "]]"), HERE "1: connector 'acme': streams[1] wants a stream, not a table"},
      {CONNECTOR("'streams',[" STREAM("8", FULL) "," STREAM("9", FULL) "]"), HERE "9: stream 'lead' is there twice"},
      {CONNECTOR("'auth'," ONLY("cursor", "2", "'read','a','send','query.a'") "," STREAMS),
       HERE "1: connector 'acme': cursor can't stand in auth, which wants token, basic or oauth2, or a list of these"},
      {CONNECTOR("'auth'," ONLY("oauth2", "2", "'authorize','https://a.test'") "," STREAMS), HERE "2: oauth2 needs token, or an issuer that names it"},
      {CONNECTOR("'auth'," ONLY("oauth2", "2", "'token','https://a.test','grants',['device']") "," STREAMS),
       HERE "2: oauth2 needs device, unless grants are without \"device\" or there is an issuer"},
      {CONNECTOR("'auth'," ONLY("oauth2", "2", "'token','https://a.test','authorize','https://a.test','client_auth','header'") "," STREAMS),
       HERE "2: oauth2: client_auth wants \"body\", \"basic\" or \"none\", not \"header\""},
      {CONNECTOR("'auth'," ONLY("oauth2", "2", "'token','https://a.test'") "," STREAMS),
       HERE "2: oauth2 needs authorize, unless grants are without \"code\" or there is an issuer"},
      {CONNECTOR("'auth'," ONLY("oauth2", "2", "'token','https://a.test','grants',['cod']") "," STREAMS),
       HERE "2: oauth2: grants[1] wants \"code\", \"device\", \"refresh_token\", \"client_credentials\" or \"jwt\", not \"cod\" (did you mean 'code'?)"},
      {CONNECTOR("'auth'," HOLE("token", "2") "," STREAMS), HERE "2: token wants a name before its options"},
      {CONNECTOR("'rates'," T("'default','100 per second'") "," STREAMS),
       HERE "1: connector 'acme': rates.default wants a rate such as \"100/10s\", \"4/s\" or \"250000/day\", not \"100 per second\""},
      {CONNECTOR("'rates'," T("'default'," FIRST("'4/s'", "'lfet','a'")) "," STREAMS),
       HERE "1: connector 'acme': rates.default has no option 'lfet' (did you mean 'left'?)"},
      {CONNECTOR("'rates'," T("'default',[" FIRST("'4/s'", "'left',5") "]") "," STREAMS),
       HERE "1: connector 'acme': rates.default[1].left wants a path, not 5"},
      {W("connector", "1", "'acme'",
         "'base',{'j':['https://'," BARE("setting", "12", "'shop'") ",'.acme.test']},'settings',[" BARE("text", "3", "'shop'") "]," STREAMS),
       HERE "12: setting \"shop\" stands in the host, so it needs pattern or kind url"},
      {W("connector", "1", "'acme'",
         "'base'," BARE("setting", "12", "'instance'") ",'check'," W("get", "3", "'/a'", "'keep'," T("'instance','a.b'")) "," STREAMS),
       HERE "12: setting \"instance\" stands in the host and is kept from a reply, so the connector needs hosts"},
      {W("connector", "1", "'acme'", "'base',{'j':['https://'," BARE("parent", "2", "'x'") "]}," STREAMS),
       HERE "1: connector 'acme': base: only setting may stand in a host, not parent"},
      {W("connector", "1", "'acme'", "'base',{'j':['https://'," BARE("secret", "2", "'x'") "]}," STREAMS),
       HERE "1: secret \"x\" can't stand in base; it may stand in headers, query, form and body of a request"},
      {W("connector", "1", "'acme'", "'base','api.acme.test'," STREAMS),
       HERE "1: connector 'acme': base wants a URL that starts with https:// or http://"},
      {W("connector", "1", "'acme'", "'base','https:///x'," STREAMS), HERE "1: connector 'acme': base wants a URL with a host"},
      {W("connector", "1", "'acme'", "'base',7," STREAMS), HERE "1: connector 'acme': base wants a URL, not 7"},
      {REQUEST("'query'," T("'a'," BARE("setting", "10", "'zone'"))),
       HERE "10: setting \"zone\" is not defined: it is not in settings, in versions, or in a keep"},
      {CONNECTOR("'settings',[" BARE("text", "2", "'shop'") "],'headers'," T("'a'," BARE("setting", "3", "'shpo'")) "," STREAMS),
       HERE "3: setting \"shpo\" is not defined: it is not in settings, in versions, or in a keep (did you mean 'shop'?)"},
      {CONNECTOR("'settings',[" BARE("text", "2", "'a'") "," BARE("url", "3", "'a'") "]," STREAMS), HERE "3: setting \"a\" is defined twice"},
      {CONNECTOR("'settings',[" W("text", "2", "'a'", "'transform',{'f':1}") "]," STREAMS),
       HERE "2: text \"a\" is a setting, and a setting takes no transform"},
      {CONNECTOR("'settings',[" W("text", "2", "'a'", "'patern','x'") "]," STREAMS), HERE "2: text has no option 'patern' (did you mean 'pattern'?)"},
      {CONNECTOR("'settings',[" BARE("rest", "2", "'a'") "]," STREAMS), HERE "2: rest is no kind for a setting"},
      {CONNECTOR("'versions'," FIRST("'2026-03','v3'", "'2026-03'," T("'objects','/a/','owners','/b'") ",'v3'," T("'objects','/c/'")) "," STREAMS),
       HERE "1: v3 does not define 'owners', which 2026-03 does"},
      {CONNECTOR("'versions'," FIRST("'v4','v3'", "'v4'," T("'objects','/a/'")) "," STREAMS), HERE "1: v3 does not define 'objects', which v4 does"},
      {CONNECTOR("'versions',{'m':['v44'," T("'a','/a/'") "],'i':['v4'],'l':41}," STREAMS),
       HERE "41: versions has fragments for 'v44', which it does not list (did you mean 'v4'?)"},
      {CONNECTOR("'versions'," T("'v4'," T("'a','/a/'")) "," STREAMS),
       HERE "1: connector 'acme': versions wants the names of the versions, the default first"},
      {CONNECTOR("'versions'," FIRST("'v4'", "'v4'," T("'a',5")) "," STREAMS), HERE "1: connector 'acme': versions.v4.a wants a text, not 5"},
      {CONNECTOR("'more',[" T("'read'," BARE("get", "2", "'/x'")) "]"), HERE "1: connector 'acme': more[1] needs make"},
      {CONNECTOR("'more',[" T("'make',{'f':1}") "]"), HERE "1: connector 'acme': more[1] needs one of read and each"},
      {CONNECTOR("'hooks'," T("'events'," T("'verify','githb'")) "," STREAMS),
       HERE "1: connector 'acme': hooks.events.verify wants a scheme such as \"github\", not \"githb\" (did you mean 'github'?)"},
      {CONNECTOR("'hooks'," T("'events'," T("'verify'," FIRST("'hmac-sha256'", "'key','k'"))) "," STREAMS),
       HERE "1: connector 'acme': hooks.events.verify needs key and header, for an HMAC that is spelled out"},
      {CONNECTOR("'on',{'m':[{'k':'404'},'skpi']}," STREAMS), HERE "1: connector 'acme': on[404]: there is no action 'skpi' (did you mean 'skip'?)"},
      {BARE("get2", "3", "'x'"), HERE "3: the file gives get2, where a connector, a mapping or an emulator is wanted"},
      {"[1]", HERE "1: the file gives a table, where a connector, a mapping or an emulator is wanted"},
      {HOLE("connector", "4"), HERE "4: connector wants a name before its options"},
  };
  all_fail("acme.lua", list, COUNT(list));
}

static void in_mappings(void **state) {
  (void)state;
#define A_FIELD "'fields'," T("'email'," BARE("email", "2", "'a'"))
  static const struct mistake list[] = {
      {W("mapping", "1", "'contact'", A_FIELD), HERE "1: mapping 'contact' needs from (or extends)"},
      {W("mapping", "1", "'contact'", "'from','acme.lead'"), HERE "1: mapping 'contact' needs fields (or extends)"},
      {MAPPING("'fields',[]"), HERE "1: mapping 'contact' has no fields"},
      {W("mapping", "1", "'contact'", "'from','lead'," A_FIELD),
       HERE "1: mapping 'contact': from wants a connector and its stream such as \"hubspot.contact\", not \"lead\""},
      {FIELDS("'a'," ONLY("cursor", "2", "'read','a','send','query.a'")),
       HERE "1: mapping 'contact': cursor can't stand in fields.a, which wants a kind (text, integer, datetime, …), when or a table of fields"},
      {FIELDS("'a','properties.a'"),
       HERE "1: mapping 'contact': fields.a wants a kind (text, integer, datetime, …), when or a table of fields, not \"properties.a\""},
      {MAPPING("'fields',[" BARE("text", "2", "'a'") "]"), HERE "1: mapping 'contact': fields: text needs a name before it"},
      {FIELDS("'Email'," BARE("email", "2", "'a'") ",'email'," BARE("text", "3", "'b'")),
       HERE "3: fields 'Email' and 'email' differ only in upper and lower case"},
      {FIELDS("'a'," T("'X'," BARE("email", "2", "'a'") ",'x'," BARE("text", "3", "'b'"))),
       HERE "3: fields 'a.X' and 'a.x' differ only in upper and lower case"},
      {FIELDS("'a'," T("'x'," BARE("email", "2", "'a'")) ",'a.x'," BARE("text", "3", "'b'")), HERE "3: field 'a.x' is there twice"},
      {FIELDS("'a',[]"), HERE "1: mapping 'contact': fields.a is an object without fields"},
      {FIELDS("{'k':'7'}," BARE("text", "2", "'a'")), HERE "1: mapping 'contact': fields: a field needs a name, which '7' is not"},
      {FIELDS("'a',{'w':'when','l':5,'a':'k','o':{'m':['x'," BARE("get", "5", "'/a'") "]}}"), HERE
       "5: mapping 'contact': get can't stand in fields.a.x, which wants a kind (text, integer, datetime, …) or a text, a number, a boolean or null"},
      {MAPPING(A_FIELD ",'rules',[" W("rule", "4", "'emial'", "'need','any','reject','x'") "]"),
       HERE "4: rule names 'emial', which is no field here (did you mean 'email'?)"},
      {MAPPING(A_FIELD ",'rules',[" W("rule", "4", "'email'", "'reject','x'") "]"), HERE "4: rule needs one of need and check"},
      {MAPPING(A_FIELD ",'rules',[" W("rule", "4", "'email'", "'need','any','check',{'f':1},'reject','x'") "]"),
       HERE "4: rule needs one of need and check"},
      {MAPPING(A_FIELD ",'rules',[" W("rule", "4", "'email'", "'need','any'") "]"), HERE "4: rule needs one of reject, warn and skip"},
      {MAPPING(A_FIELD ",'rules',[" W("rule", "4", "'email'", "'need','any','reject','x','warn','y'") "]"),
       HERE "4: rule needs one of reject, warn and skip"},
      {MAPPING(A_FIELD ",'rules',[" W("rule", "4", "'email'", "'need','uniqe','reject','x'") "]"),
       HERE "4: rule: need wants \"any\", \"all\" or \"unique\", not \"uniqe\" (did you mean 'unique'?)"},
      {MAPPING(A_FIELD ",'rules',[" BARE("email", "4", "'email'") "]"),
       HERE "1: mapping 'contact': email can't stand in rules[1], which wants a rule"},
      {MAPPING(A_FIELD ",'change'," T("'a'," T("'required',true"))), HERE "1: mapping 'contact' has change, which needs extends"},
      {MAPPING(A_FIELD ",'drop',['a']"), HERE "1: mapping 'contact' has drop, which needs extends"},
      {MAPPING("'extends','a/b','change'," T("'a'," T("'requird',true"))),
       HERE "1: mapping 'contact': change.a: no kind has an option 'requird' (did you mean 'required'?)"},
      {MAPPING("'extends','a/b','change'," T("'a'," T("'required','yes'"))),
       HERE "1: mapping 'contact': change.a.required wants true or false, not \"yes\""},
      {MAPPING("'extends','a/b','change'," T("'a',true")),
       HERE "1: mapping 'contact': change.a wants a table of options such as { required = false }"},
      {MAPPING(A_FIELD ",'examples',[" T("'gives'," T("'email','a'")) "]"), HERE "1: mapping 'contact': examples[1] needs given"},
      {MAPPING(A_FIELD ",'examples',[" T("'given','{}'") "]"), HERE "1: mapping 'contact': examples[1] needs one of gives, rejects and rows"},
      {MAPPING(A_FIELD ",'examples',[" T("'given','{}','gives'," T("'emial','a'")) "]"),
       HERE "1: an example gives 'emial', which is no field here (did you mean 'email'?)"},
      {MAPPING(A_FIELD ",'examples',[" T("'given','{}','rejects'," T("'email','typ'")) "]"),
       HERE "1: mapping 'contact': examples[1].rejects.email wants the code of a reject, not \"typ\" (did you mean 'type'?)"},
      {MAPPING(A_FIELD ",'examples',[" T("'given','{}','rows',[]") "]"), HERE "1: an example has rows, but the mapping has none: use gives"},
      {MAPPING(A_FIELD ",'examples',[" T("'givne','{}'") "]"),
       HERE "1: mapping 'contact': examples[1] has no option 'givne' (did you mean 'given'?)"},
      {MAPPING(A_FIELD ",'examples',[" T("'given',{'f':1},'gives',[]") "]"),
       HERE "1: mapping 'contact': examples[1].given wants a JSON text, not a function"},
  };
  all_fail("acme.lua", list, COUNT(list));
}

static void examples_are_json(void **state) {
  (void)state;
  const char *found = mistake_of("acme.lua", MAPPING(A_FIELD ",'examples',[" T("'given','{]','gives',[]") "]"));
  static const char start[] = HERE "1: mapping 'contact': examples[1].given is no JSON: line 1, column 2: ";
  assert_memory_equal(found, start, sizeof start - 1);
  found = mistake_of("acme.lua", FIELDS("'a'," BARE("text", "2", "'a[b'")));
  static const char path[] = HERE "2: text: \"a[b\" is no path: ";
  assert_memory_equal(found, path, sizeof path - 1);
  assert_true(*mistake_of("acme.lua", FIELDS("'a'," BARE("text", "2", "'a..b'"))) != 0);
}

static void in_emulators(void **state) {
  (void)state;
#define EMULATOR(options) W("emulator", "1", "'acme'", options)
#define ANSWERS "'answers',{'f':1}"
  static const struct mistake list[] = {
      {EMULATOR("'title','x'"), HERE "1: emulator 'acme' needs routes"},
      {EMULATOR("'routes',[]"), HERE "1: emulator 'acme' needs routes"},
      {EMULATOR("'ruotes',[]"), HERE "1: emulator 'acme' has no option 'ruotes' (did you mean 'routes'?)"},
      {EMULATOR("'routes',[" BARE("get", "2", "'/a'") "]"), HERE "2: route get \"/a\" needs answers"},
      {EMULATOR("'routes',[" W("get", "2", "'/a'", "'answer',{'f':1}") "]"),
       HERE "2: route get \"/a\" has no option 'answer' (did you mean 'answers'?)"},
      {EMULATOR("'routes',[" W("get", "2", "'/a'", ANSWERS ",'pages','none'") "]"), HERE "2: route get \"/a\" has no option 'pages'"},
      {EMULATOR("'routes',[" W("get", "2", "'a'", ANSWERS) "]"),
       HERE "2: get in routes wants a path that starts with '/', such as \"/contacts/{id}\""},
      {EMULATOR("'routes',[" W("get", "2", "'/a/{id'", ANSWERS) "]"),
       HERE "2: get \"/a/{id\": each { in a route needs a name and a } in its segment"},
      {EMULATOR("'routes',[" W("get", "2", "'/a/{}'", ANSWERS) "]"), HERE "2: get \"/a/{}\": each { in a route needs a name and a } in its segment"},
      {EMULATOR("'routes',[" W("get", "2", "'/a'", ANSWERS) "," W("get", "3", "'/a'", ANSWERS) "]"), HERE "3: route get \"/a\" is there twice"},
      {EMULATOR("'rates'," T("'search','5/s'") ",'routes',[" W("get", "2", "'/a'", ANSWERS ",'rate','saerch'") "]"),
       HERE "2: route get \"/a\": rates have no class 'saerch' (did you mean 'search'?)"},
      {EMULATOR("'data'," T("'lead'," T("'cuont',3")) ",'routes',[" W("get", "2", "'/a'", ANSWERS) "]"),
       HERE "1: emulator 'acme': data.lead has no option 'cuont' (did you mean 'count'?)"},
      {EMULATOR("'control','x','routes',[" W("get", "2", "'/a'", ANSWERS) "]"), HERE "1: emulator 'acme': control wants a function, not \"x\""},
  };
  all_fail("acme.lua", list, COUNT(list));
}

static void too_many_fields(void **state) {
  (void)state;
  peri_buf json = {0};
  for (int extra = 0; extra < 2; extra++) {
    peri_buf_clear(&json);
    peri_buf_c_str(&json, "{'w':'mapping','l':1,'a':'contact','o':{'m':['from','a.b','fields',{'m':[");
    for (int i = 0; i < PERI_FIELDS_MAX + extra; i++) peri_buf_fmt(&json, "%s'f%d',{'w':'text','l':2,'a':'a'}", i ? "," : "", i);
    peri_buf_c_str(&json, "]}]}}");
    assert_string_equal(mistake_of("acme.lua", peri_buf_c(&json)),
                        extra ? "acme.lua:1: mapping 'contact' has 501 fields; at most 500 are allowed" : "");
  }
  peri_buf_fini(&json);
}

/* Shown values are cut between characters, and control characters do not reach the terminal. */
static void long_values_are_cut(void **state) {
  (void)state;
  static const struct mistake list[] = {
      {FIELDS("'a'," W("email", "2", "'a'", "'required','äöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöü'")),
       HERE "2: email: required wants true or false, not \"äöüäöüäöüäöüäöüäöüäöüäöü…\""},
      {FIELDS("'a'," W("email", "2", "'a'", "'required','a\\u001b[2Jb'")), HERE "2: email: required wants true or false, not \"a [2Jb\""},
      {FIELDS("'a'," W("email", "2", "'a'", "'required',{'x':'ff'}")), HERE "2: email: required wants true or false, not a text that is no UTF-8"},
  };
  all_fail("acme.lua", list, COUNT(list));
}

int run_mistakes(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(in_options),         cmocka_unit_test(in_requests),   cmocka_unit_test(in_streams),
                                     cmocka_unit_test(in_answers),         cmocka_unit_test(in_connectors), cmocka_unit_test(in_mappings),
                                     cmocka_unit_test(examples_are_json),  cmocka_unit_test(in_emulators),  cmocka_unit_test(too_many_fields),
                                     cmocka_unit_test(long_values_are_cut)};
  return cmocka_run_group_tests_name("spec: mistakes", tests, NULL, NULL);
}
