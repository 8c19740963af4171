/* net/listen: sockets that listen: TCP on an address, or a Unix socket that only its owner may use. */
#ifndef PERI_NET_LISTEN_H
#define PERI_NET_LISTEN_H

#include "base/err.h"

/* The descriptor, or -1. *port_out: the port in use. BUSY if it is taken. */
int peri_listen_tcp(const char *address, int port, int *port_out, peri_err *e);
/* A socket file that is left over is replaced: the caller must know (by the database's lock) that nobody listens there. */
int peri_listen_unix(const char *path, peri_err *e);
/* Connects to one; -1 with errno set (ENOENT, ECONNREFUSED: nobody is there). Paths may be longer than the 107 bytes of a socket address. */
int peri_connect_unix(const char *path);
/* Is the other end of this Unix connection the same user, or root? */
bool peri_peer_is_owner(int fd);

#endif
