#include "controller/api/api.h"
#include "controller/listen.h"

#include <getopt.h>
#include <stdio.h>

#define PROGRAM	       "eim-controller"
#define LISTEN_DEFAULT "127.0.0.1:8080"

static const char usage[] =
	"usage: " PROGRAM " --data DIR [--listen ADDR:PORT] [--store sqlite]\n"
	"\n"
	"Keeps what extensions are to run where, and what became of it; agents and eimctl talk to "
	"it.\n"
	"\n"
	"  --data DIR            folder of the store; created where it is missing\n"
	"  --listen ADDR:PORT    default " LISTEN_DEFAULT "; port 0 picks one\n"
	"  --store ENGINE        sqlite (the default)\n"
	"  --insecure-loopback   without TLS and tokens, which only the loopback allows\n"
	"  --tls-cert F, --tls-key F   not available in this version\n"
	"  --help, --version\n"
	"\n"
	"It prints `listening on http://ADDR:PORT` once it accepts connections, and ends cleanly "
	"on\n"
	"SIGINT and SIGTERM.\n";

struct options {
	const char *listen, *data, *store, *tls_cert, *tls_key;
	bool insecure_loopback, help, version;
};

enum {
	OPT_LISTEN = 1,
	OPT_DATA,
	OPT_STORE,
	OPT_CERT,
	OPT_KEY,
	OPT_INSECURE,
	OPT_HELP,
	OPT_VERSION
};

static const struct option long_options[] = {
	{"listen", required_argument, NULL, OPT_LISTEN},
	{"data", required_argument, NULL, OPT_DATA},
	{"store", required_argument, NULL, OPT_STORE},
	{"tls-cert", required_argument, NULL, OPT_CERT},
	{"tls-key", required_argument, NULL, OPT_KEY},
	{"insecure-loopback", no_argument, NULL, OPT_INSECURE},
	{"help", no_argument, NULL, OPT_HELP},
	{"version", no_argument, NULL, OPT_VERSION},
	{NULL, 0, NULL, 0},
};

static struct err *read_options(int argc, char **argv, struct options *o)
{
	const char **const texts[] = {[OPT_LISTEN] = &o->listen,
				      [OPT_DATA] = &o->data,
				      [OPT_STORE] = &o->store,
				      [OPT_CERT] = &o->tls_cert,
				      [OPT_KEY] = &o->tls_key};
	bool *const flags[] = {[OPT_INSECURE] = &o->insecure_loopback,
			       [OPT_HELP] = &o->help,
			       [OPT_VERSION] = &o->version};
	for (int option; (option = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
		if (option == '?')
			return err_new(ERR_INVALID, "see " PROGRAM " --help");
		if (option <= OPT_KEY)
			*texts[option] = optarg;
		else
			*flags[option] = true;
	}
	if (optind < argc)
		return err_new(ERR_INVALID, "\"%s\" is no option; see " PROGRAM " --help",
			       argv[optind]);
	return NULL;
}

static struct err *check_options(const struct options *o, struct http_config *config)
{
	if (!o->data)
		return err_new(ERR_INVALID, "--data DIR is missing; see " PROGRAM " --help");
	if (o->tls_cert || o->tls_key)
		return err_new(ERR_UNSUPPORTED,
			       "--tls-cert and --tls-key are not available in this version: listen "
			       "on the loopback, behind a proxy that ends TLS");
	if (strcmp(o->store, "sqlite") != 0)
		return err_new(ERR_UNSUPPORTED,
			       "--store %s is not available in this version: only sqlite is",
			       o->store);
	TRY(listen_parse(str_of(o->listen), &config->address, &config->address_size));
	if (!listen_is_loopback(&config->address))
		return err_new(
			ERR_FAILED_PRECONDITION,
			"--listen %s is reachable from other machines, which needs TLS, which "
			"is not available in this version: listen on 127.0.0.1 or [::1]",
			o->listen);
	return NULL;
}

static struct err *serve(const struct options *o)
{
	OWNED(api) struct api *api = NULL;
	OWNED(http_server) struct http_server *server = NULL; /* ends before what it serves */
	struct http_config config = {.routes = api_routes(), .done = api_count_request};
	TRY(check_options(o, &config));
	TRY_DOING(api_create(o->store, o->data, &api), "--data %s", o->data);
	config.context = api;
	TRY_DOING(http_server_create(&config, &server), "--listen %s", o->listen);
	printf("listening on http://%s\n", http_server_address(server));
	if (fflush(stdout) != 0)
		return err_new(ERR_SYSTEM, "standard output is closed");
	return http_server_run(server);
}

int main(int argc, char **argv)
{
	struct options o = {.listen = LISTEN_DEFAULT, .store = "sqlite"};
	OWNED(err) struct err *e = read_options(argc, argv, &o);
	if (!e && o.help)
		return fputs(usage, stdout) < 0 ? 2 : 0;
	if (!e && o.version)
		return puts(PROGRAM " " EIM_VERSION) < 0 ? 2 : 0;
	if (!e)
		e = serve(&o);
	if (!e)
		return 0;
	err_print(PROGRAM, e);
	return 2;
}
