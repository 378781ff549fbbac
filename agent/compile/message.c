/*
 * Request: four parts. Answer: a status word, then parts. A part is a u32 size and its bytes.
 *
 *	request = object spec_text role host_btf
 *	answer  = 0 image verdict | 1 error          (the error is the JSON of json_print_err, then its HTTP status)
 */
#include "agent/compile/message.h"

#include "shared/base/cursor.h"
#include "shared/codec/json.h"

static void put_u32(struct buf *out, uint32_t value)
{
	buf_append(out, &value, sizeof(value));
}

static void put_part(struct buf *out, struct bytes part)
{
	put_u32(out, (uint32_t)part.size);
	buf_append(out, part.data, part.size);
}

static struct err *take_part(struct cursor *c, struct bytes *out)
{
	uint32_t size;
	TRY(cursor_u32(c, &size));
	return cursor_take(c, size, out);
}

static struct bytes bytes_of_str(struct str s)
{
	return bytes_of(s.data, s.size);
}

static struct str str_of_bytes(struct bytes b)
{
	return (struct str){(const char *)b.data, b.size};
}

void compile_request_encode(const struct compile_request *request, struct buf *out)
{
	put_part(out, request->object);
	put_part(out, bytes_of_str(request->spec_text));
	put_part(out, bytes_of_str(request->role));
	put_part(out, request->host_btf);
}

struct err *compile_request_decode(struct bytes data, struct compile_request *out)
{
	struct cursor c = cursor_of(data);
	struct bytes spec = {0}, role = {0};
	struct compile_request request = {0};
	TRY_AT(take_part(&c, &request.object), "/object");
	TRY_AT(take_part(&c, &spec), "/spec");
	TRY_AT(take_part(&c, &role), "/role");
	TRY_AT(take_part(&c, &request.host_btf), "/hostBtf");
	request.spec_text = str_of_bytes(spec);
	request.role = str_of_bytes(role);
	*out = request;
	return NULL;
}

void compile_answer_encode_image(const struct image *image, struct str verdict, struct buf *out)
{
	OWNED_BUF struct buf flat = BUF_INIT(IMAGE_MAX_BYTES);
	image_encode(image, &flat);
	put_u32(out, 0);
	put_part(out, buf_bytes(&flat));
	put_part(out, bytes_of_str(verdict));
}

void compile_answer_encode_err(const struct err *e, struct buf *out)
{
	OWNED_BUF struct buf text = BUF_INIT(COMPILE_MAX_ANSWER);
	json_print_err(e, &text);
	buf_clear(out);
	put_u32(out, 1);
	put_u32(out, (uint32_t)err_http(err_code(e)));
	put_part(out, buf_bytes(&text));
}

static struct err *decode_err(struct cursor *c)
{
	uint32_t http;
	struct bytes text = {0};
	TRY(cursor_u32(c, &http));
	TRY(take_part(c, &text));
	return json_parse_err(str_of_bytes(text), (int)http);
}

struct err *compile_answer_decode(struct bytes data, struct image **out, struct buf *verdict)
{
	struct cursor c = cursor_of(data);
	uint32_t status;
	struct bytes flat = {0}, text = {0};
	TRY(cursor_u32(&c, &status));
	if (status != 0)
		return decode_err(&c);
	TRY(take_part(&c, &flat));
	TRY(take_part(&c, &text));
	OWNED(image) struct image *image = NULL;
	TRY(image_decode(flat, &image));
	buf_add(verdict, str_of_bytes(text));
	TRY(buf_check(verdict));
	*out = MOVE(image);
	return NULL;
}
