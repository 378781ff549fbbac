/*
 * The types of generated programs: what their global functions take.
 *
 *	struct buffer { __u64 words[8]; };
 *	int change(__u64 n, struct buffer *b);
 *	__u64 look(__u64 n, const struct buffer *b);
 */
#include "tests/sound/judge.h"

#define MAGIC	   0xeb9fu
#define HEAD_BYTES 24u
#define SIGNED	   (1u << 24)

struct types {
	struct buf all, names;
};

static uint32_t name(struct types *t, const char *text)
{
	uint32_t at = (uint32_t)buf_bytes(&t->names).size;
	buf_append(&t->names, text, strlen(text) + 1);
	return at;
}

static void put_word(struct types *t, uint32_t word)
{
	buf_append(&t->all, &word, sizeof word);
}

static void put_type(struct types *t, const char *text, uint32_t kind, uint32_t count,
		     uint32_t size_or_type)
{
	put_word(t, text ? name(t, text) : 0);
	put_word(t, kind << 24 | count);
	put_word(t, size_or_type);
}

static void put_param(struct types *t, const char *text, uint32_t type)
{
	put_word(t, name(t, text));
	put_word(t, type);
}

static void put_types(struct types *t)
{
	put_type(t, "unsigned long", BTF_INT, 0, 8); /* 1 */
	put_word(t, 64);
	put_type(t, "int", BTF_INT, 0, 4); /* 2 */
	put_word(t, SIGNED | 32);
	put_type(t, NULL, BTF_ARRAY, 0, 0); /* 3 */
	put_word(t, 1);
	put_word(t, 2);
	put_word(t, 8);
	put_type(t, "buffer", BTF_STRUCT, 1, 64); /* 4 */
	put_param(t, "words", 3);
	put_word(t, 0);
	put_type(t, NULL, BTF_PTR, 0, 4);	 /* 5 */
	put_type(t, NULL, BTF_CONST, 0, 4);	 /* 6 */
	put_type(t, NULL, BTF_PTR, 0, 6);	 /* 7 */
	put_type(t, NULL, BTF_FUNC_PROTO, 2, 2); /* 8 */
	put_param(t, "n", 1);
	put_param(t, "b", 5);
	put_type(t, "change", BTF_FUNC, BTF_GLOBAL, 8); /* GENERATE_TYPE_CHANGE */
	put_type(t, NULL, BTF_FUNC_PROTO, 2, 1);	/* 10 */
	put_param(t, "n", 1);
	put_param(t, "b", 7);
	put_type(t, "look", BTF_FUNC, BTF_GLOBAL, 10); /* GENERATE_TYPE_LOOK */
}

struct err *judge_types(struct btf **out)
{
	OWNED_BUF struct buf image = BUF_INIT(1 << 16);
	struct types t = {BUF_INIT(1 << 16), BUF_INIT(1 << 16)};
	buf_putc(&t.names, 0);
	put_types(&t);
	struct bytes all = buf_bytes(&t.all), names = buf_bytes(&t.names);
	const uint32_t head[HEAD_BYTES / 4] = {
		MAGIC | 1u << 16,   HEAD_BYTES,		0,
		(uint32_t)all.size, (uint32_t)all.size, (uint32_t)names.size};
	buf_append(&image, head, sizeof head);
	buf_append(&image, all.data, all.size);
	buf_append(&image, names.data, names.size);
	struct err *e = btf_parse(buf_bytes(&image), out);
	buf_fini(&t.all);
	buf_fini(&t.names);
	return e;
}
