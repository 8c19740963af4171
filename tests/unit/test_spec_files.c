/* Trees that are right: pieces of connectors, mappings and emulators as the guide writes them. */
#include "spec_help.h"

#define COUNT(list) (sizeof(list) / sizeof(list)[0])

static void connectors(void **state) {
  (void)state;
  static const char *const good[] = {
      WITH_STREAM(FULL),
      /* a stream alone, as more.make gives it; a request alone, as pull sends it */
      STREAM("2", FULL),
      W("get", "1", "'/a'", "'query'," T("'p'," BARE("parent", "2", "'id'"))),
      CONNECTOR("'more'," T("'read'," BARE("get", "2", "'/tables'") ",'make',{'f':1,'l':3}")),
      CONNECTOR("'more',[" T("'each','table','make',{'f':1}") "],'streams',[" STREAM("3", FULL) "]"),
      /* holes everywhere */
      REQUEST("'query'," T(
          "'limit',100,'properties'," W("wanted", "9", "'properties'", "'most','5KB'") ",'since'," BARE("since", "9", "'ms'") ",'to'," HOLE(
              "upto", "9") ",'day'," BARE("since", "9", "'%Y-%m-%d %H:%M'")) ",'headers'," T("'X-Key'," BARE("secret", "9", "'apiKey'"))),
      REQUEST("'body'," T("'inputs',[{'m':['id'," BARE("record", "9", "'id'") "]}],'none',null,'empty',[],'deep',[[1,{'d':0.5}]]")),
      WITH_STREAM("'full',{'w':'post','l':2,'a':{'j':['/leads/',{'w':'setting','l':2,'a':'version'},'/"
                  "search']},'o':{'m':['rate','default','batch',100,'match','order']}}"),
      REQUEST("'form'," HOLE("record", "9")),
      REQUEST("'body','raw text'"),
      REQUEST("'query'," T("'q',{'w':'when','l':3,'a':'setting:bulk','o':{'m':[{'k':'true'},'a','otherwise'," HOLE("since", "3") "]}}")),
      /* pagers */
      REQUEST("'pages','none'"),
      REQUEST("'pages','again'"),
      REQUEST("'pages',{'i':['again'],'m':['most',200]}"),
      REQUEST("'pages',['again']"),
      REQUEST("'pages'," ONLY("cursor", "9", "'read','paging.next.after','send','query.after','none',['null'],'most',10000,'without',['since']")),
      REQUEST("'pages'," BARE("link", "9", "'header:Link'")),
      REQUEST("'pages'," ONLY("count", "9", "'send','query.page','total','header:X-WP-TotalPages','first',0,'by','records'")),
      /* formats, removed, merged, each */
      REQUEST("'format','csv'"),
      REQUEST("'format'," FIRST("'csv'", "'null',''")),
      REQUEST("'removed','deleted'"),
      REQUEST("'removed',['status','trash']"),
      WITH_STREAM(FULL ",'merged'," FIRST("'properties.merged_ids'", "'split',';'")),
      WITH_STREAM(FULL ",'merged',['a','b']"),
      CONNECTOR("'streams',[" STREAM("2", FULL) "," W(
          "stream", "3", "'note'",
          "'key',['parent:id','id'],'each'," FIRST("'lead'", "'having','notes'") ",'full',"
                                                                                 "{'w':'get','l':4,'a':{'j':['/leads/'," BARE(
                                                                                     "parent", "4", "'id'") ",'/notes']}}") "]"),
      CONNECTOR("'settings',[" BARE("list", "2", "'repositories'") "],'streams',[" STREAM(
          "3", FULL ",'each'," T("'repo'," BARE("setting", "3", "'repositories'"))) "]"),
      WITH_STREAM(FULL ",'each'," T("'region',['eu','us']")),
      WITH_STREAM(FULL ",'updated'," W("datetime", "3", "'modified'",
                                       "'zone','UTC'") ",'overlap','10m','lag','5m','window','30d','sweep','1d','visit','all','store',false"),
      WITH_STREAM("'pull',{'f':1,'l':9}"),
      /* a job, and a choice between a job and a request */
      WITH_STREAM("'full',{'w':'when','l':2,'a':'setting:version','o':{'m':['v1'," T("'create'," BARE(
          "post", "3", "'/jobs'") ",'poll',"
                                  "{'w':'get','l':4,'a':{'j':['/jobs/'," BARE(
                                      "parent", "4",
                                      "'id'") "]},'o':{'m':['every','2s','done',{'w':'when','l':4,'a':'state','o':{'m':['Done','ok','Bad','stop','"
                                              "otherwise','wait']}}]}},'read',"
                                              "{'w':'get','l':5,'a':{'j':['/jobs/'," BARE(
                                                  "parent", "5", "'id'") ",'/rows']}}") ",'otherwise'," BARE("get", "6", "'/leads'") "]}}"),
      /* what answers mean */
      CONNECTOR("'streams',[" STREAM("2", FULL) "],'on',{'m':[{'k':'404'},'skip','5xx','retry',{'k':'423'}," FIRST(
          "'retry'",
          "'wait','2s'") ",{'k':'429'},"
                         "{'w':'when','l':5,'a':'policyName','o':{'m':['DAILY'," FIRST(
                             "'wait'",
                             "'till','midnight','zone','setting:zone','say','tomorrow'") ",'*','stop','otherwise',['retry']]}},"
                                                                                         "{'k':'400'},[{'w':'when','l':6,'a':'code','o':{'m':"
                                                                                         "['x','restart']}},'stop']],'i':[{'w':'when','l':7,'"
                                                                                         "a':'ok','o':{'m':[{'k':'false'},'stop']}}]}"),
      /* settings, versions, hosts */
      W("connector", "1", "'acme'",
        "'base',{'j':['https://'," BARE("setting", "2", "'shop'") ",'.acme.test/api']},'settings',[" W(
            "text", "3", "'shop'", "'required',true,'pattern','^[%w-]+$','description','the name of the shop'") "],'streams',[" STREAM("4",
                                                                                                                                       FULL) "]"),
      W("connector", "1", "'acme'",
        "'base'," BARE("setting", "2", "'site'") ",'settings'," W("url", "3", "'site'", "'required',true") ",'streams',[" STREAM("4", FULL) "]"),
      W("connector", "1", "'acme'",
        "'base'," BARE("setting", "2", "'instance_url'") ",'hosts',['*.acme.test'],'auth'," ONLY(
            "oauth2", "3",
            "'authorize','https://a.test/a','token',"
            "'https://a.test/t','keep'," T("'instance_url','instance_url'")) ",'streams',[" STREAM("4", FULL) "]"),
      CONNECTOR("'versions'," FIRST("'v2','v1'", "'v2'," T("'objects','/v2/'") ",'v1'," T("'objects','/v1/'")) ",'streams',[" STREAM(
          "3", "'full',{'w':'get','l':4,'a':{'j':[" BARE("setting", "4", "'objects'") ",'leads']}}") "]"),
      CONNECTOR("'versions',['v2','v1'],'streams'," STREAM("3", FULL)),
      /* credentials */
      CONNECTOR("'streams',[" STREAM("2", FULL) "],'auth',[" W("token", "3", "'apiKey'", "'header','X-Key','prefix',''") "," W(
          "basic", "4", "'password'",
          "'user'," BARE("secret", "4", "'user'")) "," ONLY("oauth2", "5",
                                                            "'token','https://a.test/t','grants',['client_credentials','jwt'],'scopes',['api']") "]"),
      /* rates */
      CONNECTOR("'streams',[" STREAM("2", FULL ",'rate','search'") "],'rates'," T(
          "'default',[" FIRST("'100/10s'", "'left','header:X-Left'") "," FIRST("'250000/day'", "'burst',10") "],'search','4/s','links',['1/s']")),
      /* events and hooks */
      CONNECTOR("'streams',[" STREAM("2", FULL) "],'hooks'," T("'events'," T("'verify'," FIRST(
          "'hubspot-v3','hubspot-v1'",
          "'key','clientSecret'") ",'records','[]','account','portalId','id',['a','b'],"
                                  "'answer',{'w':'when','l':3,'a':'type','o':{'m':['url_verification'"
                                  "," BARE("record", "3",
                                           "'challenge'") "]}},'events',{'w':'when','l':"
                                                          "4,'a':'type','o':{'m':['lead.*"
                                                          "'," T("'changed','lead','id','"
                                                                 "objectId'") ",'lead."
                                                                              "merge',"
                                                                              "[" T("'cha"
                                                                                    "nged"
                                                                                    "','"
                                                                                    "lead"
                                                                                    "','"
                                                                                    "id',"
                                                                                    "'a'") "," T("'remov"
                                                                                                 "ed','"
                                                                                                 "lead',"
                                                                                                 "'id','"
                                                                                                 "b[]'") "],'otherwise','ignore']}}"))),
      CONNECTOR("'streams',[" STREAM("2", FULL) "],'hooks'," T("'events'," T(
          "'verify'," FIRST("'hmac-sha256'", "'key','signingSecret','header','X-Sig','prefix','v0=','encoding','hex','over',"
                                             "{'j':['v0:'," BARE("record", "3", "'body:'") "]},'time','header:X-Time','within','5m'")))),
      /* writing */
      WITH_STREAM(FULL ",'write'," T("'create'," W("post", "3", "'/leads'",
                                                   "'batch',100,'gives'," T("'key','id'") ",'body'," T("'inputs',[" BARE(
                                                       "record", "3", "'properties'") "]")) ",'remove',"
                                                                                            "{'w':'delete','l':4,'a':{'j':['/leads/'," BARE(
                                                                                                "record", "4", "'id'") "]},'o':[]}")),
      WITH_STREAM(FULL ",'discover'," W(
          "get", "3", "'/describe'",
          "'records','fields','pages','none','etag',true,'gives'," T("'name','name','type','type','skip',['address']")) ",'after',['lead']"),
  };
  all_pass("acme.lua", good, COUNT(good));
}

static void mappings(void **state) {
  (void)state;
  static const char *const good[] = {
      FIELDS("'email'," W("email", "2", "'properties.email'",
                          "'required',true") ",'revenue'," W("decimal", "3", "'a'", "'default',0,'validate',{'f':1,'l':3},'scale',2,'min','0.01'")),
      FIELDS("'fullName'," W("text", "2", "['a','b']", "'join',' '") ",'phone'," W("phone", "3", "['a','b']",
                                                                                   "'transform',{'f':2,'l':3},'on_error','null'")),
      FIELDS("'stage'," W("choice", "2", "'a'", "'map'," T("'lead','Lead'") ",'otherwise','Other','labels',true") ",'owner'," W(
          "text", "3", "'a'", "'lookup','owner.fullName'")),
      FIELDS("'address'," T("'city'," BARE("text", "2", "'city'") ",'geo'," T("'lat'," BARE("number", "3", "'lat'"))) ",'custom'," W(
          "rest", "4", "'properties'", "'except',['hs_*']")),
      FIELDS("'n'," BARE("integer", "2", "'#'") ",'worklog'," BARE("number", "3", "'fields.worklogs[].seconds'") ",'last'," BARE(
          "text", "4", "'a[-1].b'") ",'c'," BARE("text", "5", "['parent:x.y','setting:currency','header:X-A.b']") ",'all'," BARE("json", "6", "''")),
      FIELDS("'estimate',{'w':'when','l':2,'a':'kind','o':{'m':['points'," BARE("number", "2", "'a'") ",'hours'," W(
          "number", "3", "'b'", "'min',0,'max',24") ",'otherwise',null]}}"),
      MAPPING("'rows','items[]','key'," W("id", "2", "['parent:id','id']", "'join',':'") ",'fields'," T(
          "'a'," BARE("text", "3", "'a'")) ",'examples',[" T("'given','{}','rows',[{'m':['a','x']},{'m':['a',null]}]") "]"),
      MAPPING(
          "'fields'," T("'email'," BARE("email", "2", "'e'") ",'address'," T("'city'," BARE("text", "2", "'c'"))) ",'rules',[" W("rule", "3", "['email','address.city']", "'need','any','reject','no way'") "," W(
              "rule", "4", "'email'",
              "'check',{'f':1},'warn','odd'") "," W("rule", "5", "'email'",
                                                    "'need','unique','skip',true") "],'examples',[" T("'given',' "
                                                                                                      "{} "
                                                                                                      "','gives'"
                                                                                                      "," T("'ema"
                                                                                                            "il',"
                                                                                                            "null"
                                                                                                            ",'"
                                                                                                            "addr"
                                                                                                            "ess'"
                                                                                                            "," T("'city','x'"))) "," T("'given','[]'"
                                                                                                                                        ",'rejects'"
                                                                                                                                        "," T("'email"
                                                                                                                                              "','"
                                                                                                                                              "type"
                                                                                                                                              "'")) "]"),
      MAPPING("'fields'," T("'a'," BARE("text", "2", "'a'")) ",'examples'," T("'given','1','gives'," T("'a',1"))),
      W("mapping", "1", "'contact'",
        "'extends','acme/contact','integration','berlin','change'," T("'email'," T("'required',false") ",'stage'," T(
            "'otherwise','x'")) ",'drop',['owner'],'fields'," T("'vip'," W("boolean", "4", "'vip'", "'default',false"))),
      W("mapping", "1", "'contact'", "'extends','acme/contact'"),
  };
  all_pass("contact.lua", good, COUNT(good));
}

static void emulators(void **state) {
  (void)state;
#define ROUTE(line, path) W("get", line, path, "'answers',{'f':1,'l':2}")
  static const char
      *const good[] =
          {
              W(
                  "emulator", "1", "'acme'",
                  "'routes',[" ROUTE("2", "'/leads/{id}'") "," W("post", "3", "'/leads/{type}/search'", "'rate','search','answers'," T("'ok',true")) "],'title','Acme','credentials'," T("'apiKey','k'") ",'data'," T("'lead'," T("'count',10,'key','id','updated','properties.at','make',{'f':2}")) ",'rates'," T(
                      "'default'," FIRST("'190/10s'",
                                         "'headers','X-*'") ",'search','5/s'") ",'hooks'," T("'events'," T("'sign',['hubspot-v3'],'make',{'f'"
                                                                                                           ":3}")) ",'refused',{'f':4},'"
                                                                                                                   "limited',{'f':5},'setup',"
                                                                                                                   "{'f':6},'control',{'f':7}"
                                                                                                                   ",'state'," T(
                                                                                                                       "'n',0,'f',{"
                                                                                                                       "'f':8}") ","
                                                                                                                                 "'"
                                                                                                                                 "b"
                                                                                                                                 "a"
                                                                                                                                 "s"
                                                                                                                                 "e"
                                                                                                                                 "'"
                                                                                                                                 ","
                                                                                                                                 "'"
                                                                                                                                 "/"
                                                                                                                                 "a"
                                                                                                                                 "p"
                                                                                                                                 "i"
                                                                                                                                 "'"
                                                                                                                                 ","
                                                                                                                                 "'"
                                                                                                                                 "s"
                                                                                                                                 "e"
                                                                                                                                 "t"
                                                                                                                                 "t"
                                                                                                                                 "i"
                                                                                                                                 "n"
                                                                                                                                 "g"
                                                                                                                                 "s"
                                                                                                                                 "'"
                                                                                                                                 "," T("'size',3")),
              W("emulator", "1", "'acme'", "'routes'," ROUTE("2", "'/'")),
          };
  all_pass("acme_emulator.lua", good, COUNT(good));
}

int run_files(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(connectors), cmocka_unit_test(mappings), cmocka_unit_test(emulators)};
  return cmocka_run_group_tests_name("spec: good files", tests, NULL, NULL);
}
