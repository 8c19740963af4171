/* net/lazy: libcurl, zlib and libmicrohttpd, opened when they are first needed. Together they bring forty libraries, which would triple the
 * start of every command that never touches the network, and would sit in every worker. */
#ifndef PERI_NET_LAZY_H
#define PERI_NET_LAZY_H

#include <curl/curl.h>
#include <microhttpd.h>
#include <zlib.h>

#include "base/err.h"

#define PERI_CURL_FUNCTIONS(X)                                                                                                        \
  X(curl_global_init) X(curl_easy_init) X(curl_easy_cleanup) X(curl_easy_reset) X(curl_easy_setopt) X(curl_easy_getinfo) X(curl_easy_strerror) \
  X(curl_multi_init) X(curl_multi_cleanup) X(curl_multi_setopt) X(curl_multi_add_handle) X(curl_multi_remove_handle)                  \
  X(curl_multi_socket_action) X(curl_multi_info_read) X(curl_multi_assign) X(curl_slist_append) X(curl_slist_free_all)
#define PERI_ZLIB_FUNCTIONS(X) X(inflateInit2_) X(inflate) X(inflateEnd) X(inflateReset)
#define PERI_MHD_FUNCTIONS(X)                                                                                                         \
  X(MHD_start_daemon) X(MHD_stop_daemon) X(MHD_get_daemon_info) X(MHD_get_connection_values) X(MHD_queue_response)                    \
  X(MHD_create_response_from_buffer) X(MHD_create_response_from_callback) X(MHD_add_response_header) X(MHD_destroy_response)         \
  X(MHD_run) X(MHD_get_timeout) X(MHD_suspend_connection) X(MHD_resume_connection) X(MHD_get_connection_info) X(MHD_quiesce_daemon)

#define X(name) __typeof__(&name) name##_p;
typedef struct peri_curl_library { PERI_CURL_FUNCTIONS(X) PERI_ZLIB_FUNCTIONS(X) } peri_curl_library;
typedef struct peri_mhd_library { PERI_MHD_FUNCTIONS(X) } peri_mhd_library;
#undef X

/* The table, opened and initialised once per process; NULL with the reason in *e. Call from one thread. */
const peri_curl_library *peri_curl_open(peri_err *e);
const peri_mhd_library *peri_mhd_open(peri_err *e);

#endif
