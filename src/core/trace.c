/* core/trace: see the header. */
#include "core/trace.h"

#include "core/mapper.h"
#include "core/prepare.h"
#include "core/stream_work.h"

typedef struct tracing {
  bool done;
  peri_err err;
} tracing;

static void on_split(peri_page *p) { (void)p; }
static void on_mapped(peri_page *p) { ((tracing *)p->self)->done = true; }
static void on_failed(peri_page *p, const peri_err *e) {
  tracing *t = p->self;
  t->err = *e;
  t->done = true;
}

static const peri_stream *stream_of(const peri_run *r, peri_str entity, const peri_mapping_info **mapping) {
  *mapping = NULL;
  for (size_t i = 0; i < r->connector->stream_count; i++) {
    const peri_mapping_info *infos[PERI_MAPPINGS_OF_STREAM_MAX];
    size_t n = peri_scripts_of_stream(r->scripts, r->in->type, r->connector->streams[i].name, infos, PERI_MAPPINGS_OF_STREAM_MAX);
    for (size_t k = 0; k < n; k++)
      if (peri_str_eq(infos[k]->entity, entity)) {
        *mapping = infos[k];
        return &r->connector->streams[i];
      }
    if (!n && peri_str_eq(r->connector->streams[i].name, entity)) return &r->connector->streams[i];
  }
  return NULL;
}

static peri_code ask(peri_run *r, const peri_stream *s, const peri_mapping_info *mapping, const peri_trace_record *record, peri_buf *out, peri_err *e) {
  tracing t = {0};
  peri_buf view = {0};
  const peri_request *q = s->full ? s->full : s->changes;
  peri_request any = {.method = "GET", .records = PERI_STR(""), .format = PERI_STR("json")};
  r->mapper = peri_mapper_new(r);
  peri_page *p = peri_page_new();
  p->number = 1;
  p->view = peri_mapper_next_view(r->mapper);
  peri_stream_open_json(s, q ? q : &any, p->view, r->in->type, &mapping->path, 1, NULL, 0, &view);
  peri_mapper_view(r->mapper, &view);
  p->map_all = p->packed = p->traced = true;
  p->self = &t;
  p->blame = mapping;
  p->on_split = on_split;
  p->on_mapped = on_mapped;
  p->on_failed = on_failed;
  peri_record_put(&p->body, record->raw, record->context);
  peri_mapper_page(r->mapper, p);
  peri_engine_wait(r->g, &t.done);
  if (t.err.code && e) *e = t.err;
  peri_arena *a = peri_arena_new();
  peri_json_fault fault;
  if (!t.err.code && !p->trace.over && p->trace.n && peri_json_parse(a, peri_buf_view(&p->trace), &fault)) peri_buf_str(out, peri_buf_view(&p->trace));
  peri_arena_free(a);
  peri_page_free(p);
  return t.err.code;
}

peri_code peri_trace(peri_engine *g, const peri_project *project, const peri_trace_record *record, peri_buf *json, peri_err *e) {
  peri_sync_options options = {.integration = record->integration};
  const peri_mapping_info *mapping;
  peri_run *r;
  peri_code code = peri_run_prepare_plain(g, project, &options, &r, e);
  if (code) return code;
  const peri_stream *s = stream_of(r, record->entity, &mapping);
  if (!s) code = peri_fail(e, PERI_NOT_FOUND, "no mapping makes '%.*s' of %.*s", PERI_S(record->entity), PERI_S(r->in->type));
  else if (mapping) code = ask(r, s, mapping, record, json, e);
  peri_run_free(r);
  return code;
}
