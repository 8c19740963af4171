/* core/notify: what systemd is told (sd_notify's protocol, man sd_notify(3)): ready, reloading, stopping, alive. Without NOTIFY_SOCKET nothing happens. */
#ifndef PERI_CORE_NOTIFY_H
#define PERI_CORE_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

bool peri_notify(const char *text);  /* "READY=1\nSTATUS=…"; false: nobody listens */
int64_t peri_notify_watchdog_ms(void); /* how often it wants to hear that we live; 0: it does not */

#endif
