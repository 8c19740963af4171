/* base/limits: every ceiling of the program, with its reason. Hitting one is an error that names it. */
#ifndef PERI_BASE_LIMITS_H
#define PERI_BASE_LIMITS_H

#define PERI_ERROR_TEXT_MAX 4096 /* a script may throw a novel; four kilobytes tell enough */

#define PERI_REDACT_FORMS_MAX 16384 /* spellings of secrets that are blotted out; beyond, the one not named for longest is forgotten */

/* scripts */
#define PERI_CALL_MS 100                            /* CPU time of one call of a user's function */
#define PERI_LOAD_MS 1000                           /* CPU time to load one file and run its examples */
#define PERI_VM_BYTES (64u << 20)                   /* memory of one run's Lua state */
#define PERI_EMULATOR_VM_BYTES (512u << 20)         /* an emulator holds a whole account */
#define PERI_EMULATOR_CALL_MS 1000                  /* and may work longer on one request */
#define PERI_SOURCE_BYTES_MAX (1u << 20)            /* one script file */
#define PERI_SOURCES_BYTES_MAX (16u << 20)          /* all script files of a project */
#define PERI_SOURCE_NESTING_MAX 100                 /* tables or calls inside each other */
#define PERI_SCRIPT_STRING_MAX (8u << 20)           /* one string built by a script */
#define PERI_RESULT_BYTES_MAX (1u << 20)            /* what a function returns */
#define PERI_RESULT_DEPTH_MAX 32
#define PERI_RESULT_NODES_MAX 10000
#define PERI_PATTERN_STEPS_MAX 1000000              /* steps of find, match, gmatch, gsub in one call */
#define PERI_TICK_MS 10                             /* how often a running worker looks at its clock */

/* pages and records */
#define PERI_TRACED_BYTES_MAX 2000                  /* of a value whose way is told: people read it */
#define PERI_PAGE_BYTES_MAX (32u << 20)             /* a reply, unpacked; Salesforce and WordPress stay below 20 MB */
#define PERI_UNPACK_RATIO_MAX 100                   /* a gzip bomb grows a thousandfold, honest JSON ten- to thirtyfold */
#define PERI_RECORD_BYTES_MAX (4u << 20)
#define PERI_RECORDS_PER_PAGE_MAX 10000
#define PERI_JSON_DEPTH_MAX 128                     /* SQLite's own JSON stops at 2,000; nobody honest nests past 30 */
#define PERI_FIELDS_MAX 500                         /* a view may have 2,000 columns, a person reads 50 */
#define PERI_KEY_BYTES_MAX 1024                     /* an external id is an index key */

/* the wall */
#define PERI_FRAME_TO_WORKER_MAX (33u << 20)        /* a page and its header */
#define PERI_FRAME_TO_CORE_MAX (6u << 20)            /* one row made of a record at its ceiling, escaped; everything else goes in portions */
#define PERI_FRAME_PORTION (256u << 10)             /* a worker sends rows in portions of about this size */
#define PERI_FRAME_WALL_MS 30000                    /* no frame for so long: the worker is killed */
#define PERI_FRAME_CPU_MS 1000                      /* or so much CPU time without one */
#define PERI_WORKERS_MAX 256
#define PERI_RUNS_MAX 128                           /* at work at once in one process; a run has two workers at most, and more runs are queued */

/* the network */
#define PERI_CONNECT_MS 10000
#define PERI_REQUEST_MS 60000
#define PERI_DRIP_BYTES_PER_S 100
#define PERI_DRIP_S 15
#define PERI_HEADER_BYTES_MAX (256u << 10)
#define PERI_RETRIES_MAX 5
#define PERI_BACKOFF_MS_MAX 60000
#define PERI_RETRY_AFTER_MS_MAX 3600000
#define PERI_EMPTY_PAGES_MAX 50

/* the server */
#define PERI_WEB_BODY_BYTES_MAX (16u << 20)
#define PERI_WEB_CONNECTIONS_MAX 1024
#define PERI_WEB_REQUEST_S 30                       /* for a whole request, from its connection or the answer before it */
#define PERI_WEB_IDLE_S 75                          /* a kept connection without a request */
#define PERI_WEB_STREAM_BYTES_MAX (1u << 20)        /* waiting for a slow reader of a stream */

/* the store */
#define PERI_OVERLAP_MS 60000 /* streams that say no `overlap` */
#define PERI_WAL_FRAMES_CHECKPOINT 4000
#define PERI_REJECTS_PER_STREAM_MAX 100000
#define PERI_REPLAY_MOST 20000                      /* refused records that a sync tries again after a change of their mapping; the next one goes on */
#define PERI_RUNS_DAYS_MAX 90
#define PERI_DELETE_SHARE_MAX_PERCENT 10            /* more vanishing at once is asked about first */
#define PERI_DELETE_COUNT_FREE 20                   /* fewer than this never need asking */
#define PERI_DRIFT_PER_STREAM_MAX 1000              /* settled changes of fields that are remembered; the oldest go */
#define PERI_DELETE_LOOK_MAX 2000                   /* so many that a listing did not show are asked for one by one before they count as gone */

#endif
