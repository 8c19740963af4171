/* api/route: what every resource of the API shares: the table of routes, from which requests are checked, openapi.json is written and the tests are
 * made; and the call, with which a resource reads what was asked and answers. Start at router.c. */
#ifndef PERI_API_ROUTE_H
#define PERI_API_ROUTE_H

#include "api/api.h"
#include "json/json.h"
#include "json/tree.h"
#include "net/web.h"

typedef enum peri_scope { PERI_SCOPE_NONE, PERI_SCOPE_READ, PERI_SCOPE_OPERATE, PERI_SCOPE_ADMIN } peri_scope;

/* A value in the path, the query or the body, and what may stand there. */
typedef struct peri_param {
  const char *name;
  const char *type;     /* "text" "integer" "boolean" "object" "list" "any", "choice:a|b" */
  bool must;
  const char *doc;
  int64_t least, most;  /* of an integer; both 0: no bound */
} peri_param;
#define PERI_PARAMS_MAX 16

typedef struct peri_api_call peri_api_call;

typedef struct peri_route {
  const char *method, *path;  /* "GET", "/v1/integrations/{name}" */
  peri_scope scope;           /* what a token must be allowed */
  const char *tag, *summary;  /* one line for openapi.json */
  void (*run)(peri_api_call *c); /* answers now or later, once */
  peri_param query[PERI_PARAMS_MAX], body[PERI_PARAMS_MAX]; /* end at name NULL */
  const char *answers;        /* JSON Schema of `data`, as text; NULL: an object */
  bool stream;                /* server-sent events */
  bool raw;                   /* answers something that is not the envelope (metrics, openapi) */
  bool raw_body;              /* the body is not JSON, or its bytes matter (webhooks) */
} peri_route;

/* A resource is a file with a table of routes. */
typedef struct peri_resource { const peri_route *routes; size_t count; } peri_resource;
extern const peri_resource *const peri_resources[];
extern const size_t peri_resource_count;

struct peri_api_call {
  peri_api *api;
  peri_web_call *web;
  const peri_route *route;
  peri_arena *arena;
  peri_str path_value[4];     /* of {…} in their order, decoded */
  const peri_json *body;      /* an object that fits route->body; NULL if the route takes none */
  peri_str query_value[PERI_PARAMS_MAX]; /* parallel to route->query, decoded and checked; {NULL,0} if absent */
  peri_scope scope;           /* what the caller may do */
  peri_str who;               /* the token's name, or "local" */
  char request_id[40];
  int64_t began_us;
};

/* ---- reading ---- */
peri_str peri_api_query(const peri_api_call *c, const char *name);              /* {NULL,0} if absent */
int64_t peri_api_query_int(const peri_api_call *c, const char *name, int64_t fallback);
bool peri_api_query_bool(const peri_api_call *c, const char *name, bool fallback);

/* ---- answering: each of them ends the call ---- */
void peri_api_data(peri_api_call *c, int status, peri_str json);                 /* {"data":json,"error":null}; GET answers carry an ETag */
void peri_api_fail(peri_api_call *c, const peri_err *e);                         /* {"data":null,"error":{code,message,details}} with the code's status */
void peri_api_raw(peri_api_call *c, int status, const char *type, peri_str body);
/* Server-sent events: begin once, then events until the client leaves or peri_api_stream_end. send answers false when the client is gone or too slow;
 * the stream is over then and the call must not be used again. */
void peri_api_stream(peri_api_call *c, void (*gone)(void *self), void *self);
bool peri_api_event(peri_api_call *c, const char *event, peri_str id, peri_str json);
void peri_api_stream_end(peri_api_call *c);

extern const peri_resource peri_api_system, peri_api_command_lines;
const peri_command_runner *peri_api_commands(const peri_api *a);

/* openapi.c */
void peri_openapi_write(peri_buf *out);

#endif
