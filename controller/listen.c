#include "controller/listen.h"

#include <arpa/inet.h>

static struct err *err_form(struct str text)
{
	return err_new(ERR_INVALID,
		       "--listen takes ADDR:PORT, like 127.0.0.1:8080 or [::1]:8080, not \"%.*s\"",
		       STR_FMT(text));
}

/* Cuts at the last ':'. */
static bool cut(struct str text, struct str *host, struct str *port)
{
	const char *colon = text.size ? memrchr(text.data, ':', text.size) : NULL;
	if (!colon)
		return false;
	*host = (struct str){text.data, (size_t)(colon - text.data)};
	*port = str_from(text, host->size + 1);
	return true;
}

static bool parse_v4(struct str host, uint16_t port, struct sockaddr_storage *out, socklen_t *size)
{
	char text[INET6_ADDRSTRLEN] = "";
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	if (host.size >= sizeof(text))
		return false;
	memcpy(text, host.data, host.size);
	v4->sin_family = AF_INET;
	v4->sin_port = htons(port);
	*size = sizeof(*v4);
	return inet_pton(AF_INET, text, &v4->sin_addr) == 1;
}

static bool parse_v6(struct str host, uint16_t port, struct sockaddr_storage *out, socklen_t *size)
{
	char text[INET6_ADDRSTRLEN] = "";
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
	if (host.size < 2 || host.size - 2 >= sizeof(text) || !str_ends(host, "]"))
		return false;
	memcpy(text, host.data + 1, host.size - 2);
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	*size = sizeof(*v6);
	return inet_pton(AF_INET6, text, &v6->sin6_addr) == 1;
}

struct err *listen_parse(struct str text, struct sockaddr_storage *out, socklen_t *out_size)
{
	struct sockaddr_storage address = {0};
	socklen_t size;
	struct str host, digits;
	uint64_t port;
	if (!cut(text, &host, &digits) || !str_to_u64(digits, &port) || port > UINT16_MAX)
		return err_form(text);
	if (str_is(host, "localhost"))
		host = STR("127.0.0.1");
	bool ok = str_starts(host, "[") ? parse_v6(host, (uint16_t)port, &address, &size)
					: parse_v4(host, (uint16_t)port, &address, &size);
	if (!ok)
		return err_form(text);
	*out = address;
	*out_size = size;
	return NULL;
}

bool listen_is_loopback(const struct sockaddr_storage *address)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
	if (address->ss_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
	return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
}
