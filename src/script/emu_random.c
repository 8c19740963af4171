/* script/emu_random: chance for emulators: random.name(), random.email(), … . All of it comes from the seed, the table and the row's number,
 * so a row is the same whichever others were made before it. Called without a colon: random is a table of functions. */
#include "base/clock.h"
#include "script/emu.h"

static peri_emulator *of(lua_State *L) {
  return lua_touserdata(L, lua_upvalueindex(1));
}

uint64_t peri_emu_next(peri_emulator *em) { return peri_random_next(em->rng); }

void peri_emu_seed(peri_emulator *em, peri_str table, uint64_t n) {
  uint64_t x = em->seed * 0x9e3779b97f4a7c15u + n;
  for (size_t i = 0; i < table.n; i++) x = (x ^ (unsigned char)table.p[i]) * 1099511628211u;
  for (int i = 0; i < 4; i++) { /* splitmix64 */
    x += 0x9e3779b97f4a7c15u;
    uint64_t z = x;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    em->rng[i] = z ^ (z >> 31);
  }
  em->rng_name = em->rng_last = (peri_str){NULL, 0};
}

static uint64_t below(peri_emulator *em, uint64_t n) {
  return n ? (peri_emu_next(em) >> 11) % n : 0;
}

/* Given names, family names: their plain spelling for addresses stands behind the bar where letters beyond ASCII are in use. */
static const char *const given_names[] = {
  "Ana", "Ben", "Chloé|chloe", "Dmitri", "Elena", "Farid", "Grace", "Håkon|hakon", "Inés|ines", "João|joao", "Kenji", "Léa|lea", "Mia", "Noah", "Olga", "Paulo",
  "Quinn", "Rosa", "Søren|soren", "Tomás|tomas", "Uma", "Vera", "Wei", "Ximena", "Yusuf", "Zoë|zoe", "Юлия|yulia", "Иван|ivan", "Ольга|olga", "小明|xiaoming",
  "伟|wei", "さくら|sakura", "健太|kenta", "민준|minjun", "서연|seoyeon", "محمد|muhammad", "فاطمة|fatima", "דוד|david", "שרה|sarah", "Αλέξανδρος|alexandros",
  "Ελένη|eleni", "अर्जुन|arjun", "प्रिया|priya", "สมชาย|somchai", "Nguyễn|nguyen", "Łukasz|lukasz", "Žofie|zofie", "Ğülşen|gulsen", "Ærø|aero", "D'Arcy|darcy",
  "Anne-Marie|annemarie", "Oğuz|oguz", "ಅನಿತಾ|anitha", "გიორგი|giorgi", "Արամ|aram", "Ⲙⲁⲣⲓⲁ|maria", "𝓛𝓲𝓵𝔂|lily", "Emily 😀|emily"};
static const char *const family_names[] = {
  "Smith", "García|garcia", "Müller|mueller", "Nguyen", "Öztürk|oeztuerk", "Kowalski", "Rossi", "Dubois", "Ivanov", "O'Brien|obrien", "van der Berg|vanderberg",
  "Sørensen|sorensen", "Novák|novak", "Silva", "Tanaka", "Kim", "王|wang", "李|li", "佐藤|sato", "김|gim", "Петров|petrov", "Шевченко|shevchenko", "الحسن|alhassan",
  "כהן|cohen", "Παπαδόπουλος|papadopoulos", "शर्मा|sharma", "Lopes-Souza|lopessouza", "Åkerman|akerman", "Þórsdóttir|thorsdottir", "Ștefănescu|stefanescu", "Brown",
  "Jones", "Lee", "Martin", "Weber", "Costa", "Ferrari", "Jensen", "Popescu", "Haddad", "Okafor", "Mbeki", "Abebe", "Santos", "Quispe", "Ka'uhane|kauhane",
  "Ng", "Ó Súilleabháin|osuilleabhain", "Fernández de Córdoba|fernandezdecordoba", "Žižek|zizek"};
static const char *const cities[] = {"Berlin|Germany|DE", "Paris|France|FR", "São Paulo|Brazil|BR", "東京|Japan|JP", "München|Germany|DE", "Київ|Ukraine|UA", "القاهرة|Egypt|EG",
  "Αθήνα|Greece|GR", "Boston|United States|US", "Austin|United States|US", "Kraków|Poland|PL", "서울|South Korea|KR", "Mumbai|India|IN", "Zürich|Switzerland|CH",
  "Dublin|Ireland|IE", "Lagos|Nigeria|NG", "Reykjavík|Iceland|IS", "Toronto|Canada|CA", "Sydney|Australia|AU", "Łódź|Poland|PL", "תל אביב|Israel|IL", "北京|China|CN",
  "Cusco|Peru|PE", "L'Aquila|Italy|IT", "Bilbao|Spain|ES", "İstanbul|Turkey|TR", "Hà Nội|Vietnam|VN", "Ålesund|Norway|NO"};
static const char *const company_words[] = {"Blue", "North", "Atlas", "Nova", "Prime", "Delta", "Harbor", "Quantum", "Olive", "Granite", "Zenith", "Copper", "Lumen", "Orchid", "Pine"};
static const char *const company_kinds[] = {"Systems", "Labs", "GmbH", "& Co.", "Ltd", "S.A.", "Trading", "Logistics", "Foods", "Energy", "株式会社", "Media", "Partners", "Works", "Sp. z o.o."};
static const char *const jobs[] = {"Engineer", "Head of Sales", "CEO", "Buyer", "Ingénieure", "Geschäftsführer", "Designer", "Accountant", "CTO / Co-Founder", "営業部長", "Analyst", "Nurse"};
static const char *const streets[] = {"Main St", "High Street", "Rue de l'Église", "Hauptstraße", "Calle Mayor", "Av. Paulista", "ул. Ленина", "Via Roma", "Storgata", "Keizersgracht"};
static const char *const words[] = {"river", "stone", "light", "window", "garden", "market", "paper", "signal", "winter", "copper", "engine", "letter", "harvest", "bridge", "silver",
  "café", "naïve", "smörgåsbord", "\"quoted\"", "back\\slash", "line\nbreak", "tab\tstop", "日本語", "emoji 🎉", "עברית", "<b>bold</b>", "50% & more", "übung"};

#define PICK(list) (list)[below(em, sizeof(list) / sizeof *(list))]

/* "shown|plain" */
static peri_str shown(const char *entry, peri_str *plain) {
  peri_str head, rest = peri_str_cut(peri_str_of(entry), '|', &head);
  if (plain) *plain = rest.n ? rest : head;
  return head;
}

static int push(lua_State *L, peri_str s) {
  lua_pushlstring(L, s.p, s.n);
  return 1;
}

static int r_name(lua_State *L) {
  peri_emulator *em = of(L);
  return push(L, shown(PICK(given_names), &em->rng_name));
}

static int r_family(lua_State *L) {
  peri_emulator *em = of(L);
  return push(L, shown(PICK(family_names), &em->rng_last));
}

/* The address of the person whose names were drawn last, made unique by a number if one is given. */
static int r_email(lua_State *L) {
  peri_emulator *em = of(L);
  static const char *const hosts[] = {"example.com", "example.org", "mail.example.net", "corp.example", "sub.domain.example.co.uk"};
  const char *unique = luaL_optstring(L, 1, NULL);
  if (!em->rng_name.p) shown(PICK(given_names), &em->rng_name);
  if (!em->rng_last.p) shown(PICK(family_names), &em->rng_last);
  peri_buf *b = &em->text;
  peri_buf_clear(b);
  peri_buf_fmt(b, "%.*s.%.*s", PERI_S(em->rng_name), PERI_S(em->rng_last));
  for (size_t i = 0; i < b->n; i++)
    if (b->p[i] >= 'A' && b->p[i] <= 'Z') b->p[i] = (char)(b->p[i] + 32);
  if (unique) peri_buf_fmt(b, "%s%s", below(em, 3) ? "" : "+", unique);
  peri_buf_fmt(b, "@%s", PICK(hosts));
  return push(L, peri_buf_view(b));
}

static int r_phone(lua_State *L) {
  peri_emulator *em = of(L);
  uint64_t a = 200 + below(em, 700), b = below(em, 1000), c = below(em, 10000);
  char out[48];
  switch (below(em, 6)) {
#define FORM(i, text) case i: snprintf(out, sizeof out, text, (unsigned)a, (unsigned)b, (unsigned)c); break
  FORM(0, "+1 (%03u) %03u-%04u");
  FORM(1, "+49 %03u %03u%04u");
  FORM(2, "+44%03u%03u%04u");
  FORM(3, "%03u-%03u-%04u");
  FORM(4, "+81 %03u-%03u-%04u");
  default: snprintf(out, sizeof out, "+1%03u%03u%04u", (unsigned)a, (unsigned)b, (unsigned)c);
#undef FORM
  }
  return push(L, peri_str_of(out));
}

static int r_company(lua_State *L) {
  peri_emulator *em = of(L);
  const char *a = PICK(company_words), *b = PICK(company_kinds);
  lua_pushfstring(L, "%s %s", a, b);
  return 1;
}

static int r_domain(lua_State *L) {
  peri_emulator *em = of(L);
  const char *a = PICK(company_words), *b = PICK(company_words);
  lua_pushfstring(L, "%s-%s%d.example", a, b, (int)below(em, 100));
  size_t n;
  const char *p = lua_tolstring(L, -1, &n);
  peri_buf_clear(&em->text);
  peri_buf_put(&em->text, p, n);
  for (size_t i = 0; i < n; i++)
    if (em->text.p[i] >= 'A' && em->text.p[i] <= 'Z') em->text.p[i] = (char)(em->text.p[i] + 32);
  return push(L, peri_buf_view(&em->text));
}

static int r_city(lua_State *L) { /* city, country, its two letters */
  peri_emulator *em = of(L);
  peri_str city, country, rest = peri_str_cut(peri_str_of(PICK(cities)), '|', &city);
  rest = peri_str_cut(rest, '|', &country);
  push(L, city);
  push(L, country);
  push(L, rest);
  return 3;
}

static int r_job(lua_State *L) {
  peri_emulator *em = of(L);
  lua_pushstring(L, PICK(jobs));
  return 1;
}

static int r_street(lua_State *L) {
  peri_emulator *em = of(L);
  const char *street = PICK(streets);
  lua_pushfstring(L, "%s %d", street, (int)(1 + below(em, 250)));
  return 1;
}

static int r_word(lua_State *L) {
  peri_emulator *em = of(L);
  lua_pushstring(L, PICK(words));
  return 1;
}

static int r_sentence(lua_State *L) {
  peri_emulator *em = of(L);
  lua_Integer n = luaL_optinteger(L, 1, 6);
  peri_buf_clear(&em->text);
  for (lua_Integer i = 0; i < n && i < 1000; i++) peri_buf_fmt(&em->text, "%s%s", i ? " " : "", PICK(words));
  return push(L, peri_buf_view(&em->text));
}

static int r_integer(lua_State *L) {
  peri_emulator *em = of(L);
  lua_Integer low = luaL_checkinteger(L, 1), high = luaL_checkinteger(L, 2);
  luaL_argcheck(L, low <= high && (uint64_t)high - (uint64_t)low < UINT64_MAX / 4096, 2, "the upper end is below the lower one, or too far away");
  lua_pushinteger(L, low + (lua_Integer)below(em, (uint64_t)(high - low) + 1));
  return 1;
}

static int r_decimal(lua_State *L) { /* a text with so many digits behind the point */
  peri_emulator *em = of(L);
  lua_Integer low = luaL_checkinteger(L, 1), high = luaL_checkinteger(L, 2), scale = luaL_optinteger(L, 3, 2);
  luaL_argcheck(L, low >= 0 && low <= high && high < 1000000000, 2, "0 to 1,000,000,000 is possible");
  luaL_argcheck(L, scale >= 1 && scale <= 9, 3, "1 to 9 digits are possible");
  int64_t unit = 1;
  for (lua_Integer i = 0; i < scale; i++) unit *= 10;
  char out[48];
  snprintf(out, sizeof out, "%lld.%0*lld", (long long)low + (long long)below(em, (uint64_t)(high - low) + 1), (int)scale, (long long)below(em, (uint64_t)unit));
  return push(L, peri_str_of(out));
}

static int r_chance(lua_State *L) {
  peri_emulator *em = of(L);
  lua_Number share = luaL_checknumber(L, 1);
  lua_pushboolean(L, (double)(peri_emu_next(em) >> 11) * 0x1p-53 < share);
  return 1;
}

static int r_pick(lua_State *L) {
  peri_emulator *em = of(L);
  luaL_checktype(L, 1, LUA_TTABLE);
  size_t n = lua_rawlen(L, 1);
  luaL_argcheck(L, n > 0, 1, "the list is empty");
  lua_rawgeti(L, 1, (lua_Integer)below(em, n) + 1);
  return 1;
}

/* A moment before the emulator began: at least `least` days (1) and at most `most` days (700) before midnight. form: "ms" gives a number. */
static int r_stamp(lua_State *L) {
  peri_emulator *em = of(L);
  lua_Number least = luaL_optnumber(L, 1, 1), most = luaL_optnumber(L, 2, 700);
  luaL_argcheck(L, least >= 0 && least <= most && most < 36500, 2, "days from 0 to 36,500, the smaller one first");
  int64_t ms = em->base_ms - (int64_t)(least * 86400000) - (int64_t)below(em, (uint64_t)((most - least) * 86400000) + 1);
  const char *form = luaL_optstring(L, 3, "iso");
  if (strcmp(form, "ms") == 0) {
    lua_pushinteger(L, ms);
    return 1;
  }
  if (below(em, 20) == 0) ms -= ms % 1000; /* now and then a whole second */
  char out[PERI_ISO_MAX];
  peri_iso(ms, out);
  if (ms % 1000 == 0) memcpy(out + 19, "Z", 2);
  return push(L, peri_str_of(out));
}

static int r_date(lua_State *L) {
  peri_emulator *em = of(L);
  char out[PERI_ISO_MAX];
  peri_iso(em->base_ms - (int64_t)below(em, 700 * 86400000ull), out);
  out[10] = 0;
  return push(L, peri_str_of(out));
}

static int r_uuid(lua_State *L) {
  peri_emulator *em = of(L);
  uint64_t a = peri_emu_next(em), b = peri_emu_next(em);
  char out[48];
  snprintf(out, sizeof out, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(a >> 32), (unsigned)(a >> 16 & 0xffff), (unsigned)(a & 0xfff), (unsigned)(b >> 48 & 0x3fff) | 0x8000u,
           (unsigned long long)(b & 0xffffffffffff));
  return push(L, peri_str_of(out));
}

void peri_emu_random_open(peri_emulator *em) {
  static const luaL_Reg functions[] = {
    {"name", r_name},       {"family", r_family},   {"email", r_email}, {"phone", r_phone},       {"company", r_company}, {"domain", r_domain}, {"city", r_city},
    {"job", r_job},         {"street", r_street},   {"word", r_word},   {"sentence", r_sentence}, {"integer", r_integer}, {"decimal", r_decimal},
    {"chance", r_chance},   {"pick", r_pick},       {"stamp", r_stamp}, {"date", r_date},         {"uuid", r_uuid}};
  lua_State *L = em->s->L;
  lua_newtable(L);
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    lua_pushlightuserdata(L, em);
    lua_pushcclosure(L, functions[i].func, 1);
    lua_setfield(L, -2, functions[i].name);
  }
  peri_freeze_push(L);
  em->random_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}
