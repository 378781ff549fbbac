#include "agent/daemon/prepare.h"

#include "agent/attach/binary.h"
#include "agent/compile/compile.h"

#include "shared/base/file.h"
#include "shared/base/log.h"
#include "shared/base/mem.h"
#include "shared/bpf/btf.h"
#include "shared/bpf/btf_file.h"
#include "shared/crypto/digest.h"

#include <errno.h>
#include <unistd.h>

struct err *prepare_find_compiler(char **out)
{
	char self[4096];
	ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (size < 0)
		return err_sys(errno, "/proc/self/exe");
	self[size] = 0;
	char *slash = strrchr(self, '/');
	OWNED_BUF struct buf path = BUF_INIT(8192);
	buf_printf(&path, "%.*s/eim-compile", (int)(slash ? slash - self : 0), self);
	*out = buf_take(&path);
	TRY_MEMORY(*out);
	return NULL;
}

/* What an image depends on, beside the CPU that the state folder belongs to. */
static struct err *image_key(const struct compile_request *r, char out[DIGEST_HEX_SIZE])
{
	OWNED_BUF struct buf all = BUF_INIT(1024);
	const struct bytes parts[] = {
		r->object,
		bytes_of(r->spec_text.data, r->spec_text.size),
		bytes_of(r->role.data, r->role.size),
		r->host_btf,
		bytes_of(EIM_VERSION " " __DATE__ " " __TIME__,
			 sizeof(EIM_VERSION " " __DATE__ " " __TIME__)),
	};
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		char hex[DIGEST_HEX_SIZE];
		TRY(digest_hex(parts[i], hex));
		buf_puts(&all, hex);
	}
	TRY(buf_check(&all));
	return digest_hex(buf_bytes(&all), out);
}

static struct err *get_cached(const struct cache *cache, const char *key, struct image **out)
{
	OWNED_BUF struct buf flat = BUF_INIT(IMAGE_MAX_BYTES);
	TRY(cache_get(cache, CACHE_IMAGE, key, &flat));
	return image_decode(buf_bytes(&flat), out);
}

static void keep(const struct cache *cache, const char *key, const struct image *image)
{
	OWNED_BUF struct buf flat = BUF_INIT(IMAGE_MAX_BYTES);
	image_encode(image, &flat);
	struct err *e = buf_check(&flat);
	if (!e)
		e = cache_put(cache, CACHE_IMAGE, key, buf_bytes(&flat));
	log_err(LOG_WARN, e, "the image of this program is not cached");
}

static struct err *make_image(const char *compiler, const struct cache *cache,
			      const struct compile_request *request, struct image **out)
{
	char key[DIGEST_HEX_SIZE];
	OWNED_BUF struct buf verdict = BUF_INIT((size_t)1 << 20);
	OWNED(image) struct image *image = NULL;
	TRY(image_key(request, key));
	if (cache) {
		OWNED(err) struct err *absent = get_cached(cache, key, out);
		if (!absent)
			return NULL;
	}
	TRY(compile_run(compiler, request, PREPARE_TIMEOUT_MS, &image, &verdict));
	if (cache)
		keep(cache, key, image);
	*out = MOVE(image);
	return NULL;
}

static struct err *read_btf_file(struct str build_id, struct buf *out)
{
	OWNED_BUF struct buf path = BUF_INIT(8192);
	TRY(btf_file_path(BTF_FILE_FOLDER, build_id, &path));
	return err_doing(file_read(buf_text(&path), out), "the BTF file of the host binary");
}

static struct err *fetch_btf(const struct prepare_input *input, struct str build_id,
			     struct buf *out)
{
	if (!input->fetch_btf)
		return err_new(ERR_NOT_FOUND, "nobody to ask");
	return err_doing(input->fetch_btf(input->fetch_context, build_id, out),
			 "the BTF of build id %.*s", STR_FMT(build_id));
}

/* Its own, or that of the machine's file or of the controller for its build id (kept in `apart`), or
 * none. */
static struct err *find_btf(const struct prepare_input *input, const struct binary *b,
			    struct buf *apart, struct bytes *out)
{
	struct str build_id = binary_build_id(b);
	*out = binary_btf(b);
	if (out->size || !btf_file_is_id(build_id))
		return NULL;
	OWNED(err) struct err *e = read_btf_file(build_id, apart);
	if (e && err_code(e) == ERR_NOT_FOUND) {
		err_destroy(e);
		e = fetch_btf(input, build_id, apart);
	}
	if (e && err_code(e) != ERR_NOT_FOUND)
		return MOVE(e);
	*out = buf_bytes(apart);
	return NULL;
}

struct err *prepare_policy(const char *compiler, const struct cache *cache,
			   const struct prepare_input *input, struct policy **out)
{
	OWNED(binary) struct binary *binary = NULL;
	struct image *image;
	OWNED_BUF struct buf apart = BUF_INIT(BTF_MAX_BYTES);
	struct bytes btf;
	TRY_DOING(binary_open(input->host_binary, &binary), "host binary");
	TRY(find_btf(input, binary, &apart, &btf));
	struct compile_request request = {input->object, input->spec_text, input->role, btf};
	TRY(make_image(compiler, cache, &request, &image));
	return policy_create(input->name, image, out);
}
