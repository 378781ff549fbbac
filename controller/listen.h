/*
 * listen - the address of --listen, and whether it may be served without TLS.
 */
#pragma once

#include "shared/base/err.h"
#include "shared/base/str.h"

#include <netinet/in.h>

/*
 * Parses "ADDR:PORT": an IPv4 address, an IPv6 address in brackets, or "localhost".
 *   fails  INVALID  it is none of these, or the port is no number up to 65535
 */
MUST_CHECK struct err *listen_parse(struct str text, struct sockaddr_storage *out,
				    socklen_t *out_size);

bool listen_is_loopback(const struct sockaddr_storage *address);
