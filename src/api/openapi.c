/* api/openapi: the API's description (OpenAPI 3.1), written from the table of routes, so that it cannot lack one. */
#include <string.h>

#include "api/inside.h"

static void put_type(peri_jw *w, const peri_param *p) {
  peri_jw_object(w);
  if (strncmp(p->type, "choice:", 7) == 0) {
    peri_jw_kv_c(w, "type", "string");
    peri_jw_key_c(w, "enum");
    peri_jw_array(w);
    for (peri_str rest = peri_str_of(p->type + 7), one; rest.n;) {
      rest = peri_str_cut(rest, '|', &one);
      peri_jw_text(w, one);
    }
    peri_jw_end_array(w);
  } else if (strcmp(p->type, "any") != 0)
    peri_jw_kv_c(w, "type", strcmp(p->type, "text") == 0 ? "string" : strcmp(p->type, "list") == 0 ? "array" : p->type);
  if (p->least || p->most) peri_jw_kv_int(w, "minimum", p->least), peri_jw_kv_int(w, "maximum", p->most);
  peri_jw_end_object(w);
}

static void put_parameter(peri_jw *w, const char *in, const peri_param *p) {
  peri_jw_object(w);
  peri_jw_kv_c(w, "name", p->name);
  peri_jw_kv_c(w, "in", in);
  peri_jw_kv_bool(w, "required", p->must);
  if (p->doc) peri_jw_kv_c(w, "description", p->doc);
  peri_jw_key_c(w, "schema");
  put_type(w, p);
  peri_jw_end_object(w);
}

static void put_parameters(peri_jw *w, const peri_route *r) {
  peri_jw_key_c(w, "parameters");
  peri_jw_array(w);
  for (const char *open = strchr(r->path, '{'); open; open = strchr(open + 1, '{')) {
    char name[64] = {0};
    const char *end = strchr(open, '}');
    size_t n = end ? (size_t)(end - open - 1) : 0;
    memcpy(name, open + 1, n < sizeof name ? n : 0);
    peri_param p = {.name = name, .type = "text", .must = true};
    put_parameter(w, "path", &p);
  }
  for (size_t i = 0; i < PERI_PARAMS_MAX && r->query[i].name; i++) put_parameter(w, "query", &r->query[i]);
  peri_jw_end_array(w);
}

static void put_content(peri_jw *w, const char *type, const char *schema) {
  peri_jw_key_c(w, "content");
  peri_jw_object(w);
  peri_jw_key_c(w, type);
  peri_jw_object(w);
  peri_jw_kv_raw(w, "schema", peri_str_of(schema));
  peri_jw_end_object(w);
  peri_jw_end_object(w);
}

static void put_body(peri_jw *w, const peri_route *r) {
  if (!r->body[0].name && !r->raw_body) return;
  peri_jw_key_c(w, "requestBody");
  peri_jw_object(w);
  if (r->raw_body) put_content(w, "*/*", "{}");
  else {
    peri_buf b = {0};
    peri_jw s;
    peri_jw_init(&s, &b);
    peri_jw_object(&s);
    peri_jw_kv_c(&s, "type", "object");
    peri_jw_kv_bool(&s, "additionalProperties", false);
    peri_jw_key_c(&s, "required");
    peri_jw_array(&s);
    for (size_t i = 0; i < PERI_PARAMS_MAX && r->body[i].name; i++)
      if (r->body[i].must) peri_jw_c(&s, r->body[i].name);
    peri_jw_end_array(&s);
    peri_jw_key_c(&s, "properties");
    peri_jw_object(&s);
    for (size_t i = 0; i < PERI_PARAMS_MAX && r->body[i].name; i++) peri_jw_key_c(&s, r->body[i].name), put_type(&s, &r->body[i]);
    peri_jw_end_object(&s);
    peri_jw_end_object(&s);
    put_content(w, "application/json", peri_buf_c(&b));
    peri_buf_fini(&b);
  }
  peri_jw_end_object(w);
}

static void put_answers(peri_jw *w, const peri_route *r) {
  peri_jw_key_c(w, "responses");
  peri_jw_object(w);
  peri_jw_key_c(w, "2XX");
  peri_jw_object(w);
  peri_jw_kv_c(w, "description", "done");
  if (r->stream) put_content(w, "text/event-stream", "{\"type\":\"string\"}");
  else if (!r->raw) {
    peri_buf b = {0};
    peri_buf_fmt(&b, "{\"type\":\"object\",\"required\":[\"data\",\"error\"],\"properties\":{\"data\":%s,\"error\":{\"type\":\"null\"}}}", r->answers ? r->answers : "{}");
    put_content(w, "application/json", peri_buf_c(&b));
    peri_buf_fini(&b);
  }
  peri_jw_end_object(w);
  peri_jw_key_c(w, "default");
  peri_jw_object(w);
  peri_jw_kv_c(w, "description", "what went wrong, and the way out");
  put_content(w, "application/json", "{\"$ref\":\"#/components/schemas/Failure\"}");
  peri_jw_end_object(w);
  peri_jw_end_object(w);
}

static void put_route(peri_jw *w, const peri_route *r) {
  static const char *const scopes[] = {"", "read", "operate", "admin"};
  char method[16];
  size_t n = strlen(r->method);
  for (size_t i = 0; i <= n && i < sizeof method; i++) method[i] = (char)(r->method[i] >= 'A' && r->method[i] <= 'Z' ? r->method[i] + 32 : r->method[i]);
  peri_jw_key_c(w, method);
  peri_jw_object(w);
  peri_jw_kv_c(w, "summary", r->summary);
  peri_jw_key_c(w, "tags");
  peri_jw_array(w);
  peri_jw_c(w, r->tag);
  peri_jw_end_array(w);
  peri_jw_kv_c(w, "x-scope", scopes[r->scope]);
  if (r->scope == PERI_SCOPE_NONE) peri_jw_kv_raw(w, "security", PERI_STR("[]"));
  put_parameters(w, r);
  put_body(w, r);
  put_answers(w, r);
  peri_jw_end_object(w);
}

/* Routes of one path stand together in the description, wherever they stand in the tables. */
static bool is_first(size_t resource, size_t route) {
  const char *path = peri_resources[resource]->routes[route].path;
  for (size_t i = 0; i <= resource; i++)
    for (size_t k = 0; k < (i == resource ? route : peri_resources[i]->count); k++)
      if (strcmp(peri_resources[i]->routes[k].path, path) == 0) return false;
  return true;
}

void peri_openapi_write(peri_buf *out) {
  peri_jw w;
  peri_jw_init(&w, out);
  peri_jw_object(&w);
  peri_jw_kv_c(&w, "openapi", "3.1.0");
  peri_jw_kv_raw(&w, "info", PERI_STR("{\"title\":\"perilune\",\"version\":\"" PERI_VERSION "\"}"));
  peri_jw_kv_raw(&w, "security", PERI_STR("[{\"token\":[]}]"));
  peri_jw_key_c(&w, "paths");
  peri_jw_object(&w);
  for (size_t i = 0; i < peri_resource_count; i++)
    for (size_t k = 0; k < peri_resources[i]->count; k++) {
      if (!is_first(i, k)) continue;
      const char *path = peri_resources[i]->routes[k].path;
      peri_jw_key_c(&w, path);
      peri_jw_object(&w);
      for (size_t x = i; x < peri_resource_count; x++)
        for (size_t y = 0; y < peri_resources[x]->count; y++)
          if (strcmp(peri_resources[x]->routes[y].path, path) == 0) put_route(&w, &peri_resources[x]->routes[y]);
      peri_jw_end_object(&w);
    }
  peri_jw_end_object(&w);
  peri_jw_kv_raw(&w, "components",
                 PERI_STR("{\"securitySchemes\":{\"token\":{\"type\":\"http\",\"scheme\":\"bearer\"}},\"schemas\":{\"Failure\":{\"type\":\"object\",\"required\":[\"data\",\"error\"],"
                          "\"properties\":{\"data\":{\"type\":\"null\"},\"error\":{\"type\":\"object\",\"required\":[\"code\",\"message\",\"details\"],\"properties\":{\"code\":{"
                          "\"type\":\"string\"},\"message\":{\"type\":\"string\"},\"details\":{\"type\":\"object\"}}}}}}}"));
  peri_jw_end_object(&w);
}
