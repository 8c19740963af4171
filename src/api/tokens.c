/* api/tokens: who asks. By the Unix socket: the user whose database it is, who may do everything. By TCP: whoever shows a token. */
#include "api/inside.h"

bool peri_api_who(peri_api_call *c, peri_err *e) {
  const peri_web_request *q = peri_web_request_of(c->web);
  if (q->local) {
    c->scope = PERI_SCOPE_ADMIN;
    c->who = PERI_STR("local");
    return true;
  }
  peri_fail(e, PERI_CREDENTIALS_REFUSED, "this needs a token: Authorization: Bearer …; perilune token add makes one");
  return false;
}
