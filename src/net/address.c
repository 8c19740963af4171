/* net/address: is the address that is about to be dialled one that only an explicit trust may reach? Works on the binary address, after DNS
 * and after every spelling (2130706433, 0x7f.1, 127.1, ::ffff:…) has been read by the system, so it cannot be talked around.
 * Where in doubt (reserved, deprecated, unknown family) the answer is yes. */
#include <netinet/in.h>
#include <sys/socket.h>

#include "net/http.h"

static bool special_v4(uint32_t ip) {
  static const struct { uint32_t net; int bits; } nets[] = {
    {0x00000000, 8},  /* "this network"; 0.0.0.0 reaches loopback on Linux */
    {0x0a000000, 8},  /* private */
    {0x64400000, 10}, /* carrier-grade NAT; cloud metadata of some providers */
    {0x7f000000, 8},  /* loopback */
    {0xa9fe0000, 16}, /* link-local; 169.254.169.254 is the usual metadata service */
    {0xac100000, 12}, /* private */
    {0xc0000000, 24}, /* protocol assignments; 192.0.0.192 is Oracle's metadata service */
    {0xc0000200, 24}, /* documentation */
    {0xc0586300, 24}, /* 6to4 relays, deprecated */
    {0xc0a80000, 16}, /* private */
    {0xc6120000, 15}, /* benchmarks */
    {0xc6336400, 24}, /* documentation */
    {0xcb007100, 24}, /* documentation */
    {0xe0000000, 4},  /* multicast */
    {0xf0000000, 4},  /* reserved, broadcast */
  };
  for (size_t i = 0; i < sizeof nets / sizeof *nets; i++)
    if (ip >> (32 - nets[i].bits) == nets[i].net >> (32 - nets[i].bits)) return true;
  return ip == 0xa83f8110; /* 168.63.129.16, Azure's platform address, lies in public space */
}

static uint32_t v4_at(const unsigned char *b) {
  return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static bool begins(const unsigned char *b, const char *prefix, size_t n) {
  return memcmp(b, prefix, n) == 0;
}

static bool special_v6(const unsigned char *b) {
  static const char zero[16];
  if (begins(b, zero, 10) && b[10] == 0xff && b[11] == 0xff) return special_v4(v4_at(b + 12)); /* mapped */
  if (begins(b, zero, 12)) return true;                                                     /* ::, ::1, compatible (deprecated) */
  if (begins(b, "\x00\x64\xff\x9b\0\0\0\0\0\0\0\0", 12)) return special_v4(v4_at(b + 12));  /* NAT64 */
  if ((b[0] & 0xe0) != 0x20) return true;             /* outside 2000::/3: ULA, link-local, multicast, local NAT64, discard, reserved */
  if (b[0] == 0x20 && b[1] == 0x01) {
    if (b[2] < 2) return true;                        /* 2001::/23: Teredo (a v4 address hidden under xor), ORCHID, benchmarks */
    if (b[2] == 0x0d && b[3] == 0xb8) return true;    /* documentation */
  }
  if (b[0] == 0x3f && b[1] == 0xff && b[2] < 0x10) return true;                     /* documentation, 3fff::/20 */
  if (b[0] == 0x20 && b[1] == 0x02 && special_v4(v4_at(b + 2))) return true;        /* 6to4 */
  if ((b[8] & 0xfd) == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe) return special_v4(v4_at(b + 12)); /* ISATAP */
  return false;
}

bool peri_address_is_special(const struct sockaddr *address) {
  /* copied, because what curl hands over is only as aligned as a char array */
  if (address->sa_family == AF_INET) {
    struct sockaddr_in v4;
    memcpy(&v4, address, sizeof v4);
    return special_v4(ntohl(v4.sin_addr.s_addr));
  }
  if (address->sa_family == AF_INET6) {
    struct sockaddr_in6 v6;
    memcpy(&v6, address, sizeof v6);
    return special_v6(v6.sin6_addr.s6_addr);
  }
  return true;
}
