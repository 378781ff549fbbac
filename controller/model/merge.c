/*
 * A hash table over the keys' JSON text, chained, its elements also in a list by first appearance.
 *
 * [M1] `is_sum` holds exactly while every value so far was an integer; `sum` is then their sum. The
 *      values themselves are kept too, for the case that the next one is none.
 */
#include "controller/model/merge.h"
#include "shared/codec/fields.h"

#include <stdio.h>

#define BUCKETS 4096u

struct merge_value {
	struct merge_value *next;
	struct str host;
	const struct node *value;
};

struct merge_element {
	struct merge_element *next, *next_in_bucket;
	struct str key_text;
	struct merge_value *values, *last_value;
	bool is_sum; /* [M1] */
	__int128 sum;
};

struct answer {
	const struct node *elements;
	int64_t lost;
};

static const struct field answer_fields[] = {
	FIELD_LIST("elements", struct answer, elements, FIELD_REQUIRED),
	FIELD_INT("lost", struct answer, lost, 0),
};

struct element {
	const struct node *key, *value;
};

static const struct field element_fields[] = {
	FIELD_ANY("key", struct element, key, FIELD_REQUIRED),
	FIELD_ANY("value", struct element, value, FIELD_REQUIRED),
};

struct err *merge_init(struct merge *m, struct arena *a)
{
	struct merge_element **buckets = arena_alloc_array(a, BUCKETS, sizeof(*buckets));
	TRY_MEMORY(buckets);
	*m = (struct merge){.arena = a, .buckets = buckets, .buckets_count = BUCKETS};
	return NULL;
}

static uint64_t hash(struct str s)
{
	uint64_t h = 14695981039346656037u; /* FNV-1a */
	for (size_t i = 0; i < s.size; i++)
		h = (h ^ (unsigned char)s.data[i]) * 1099511628211u;
	return h;
}

static struct merge_element **bucket_of(struct merge *m, struct str key)
{
	return &m->buckets[hash(key) % m->buckets_count];
}

static struct merge_element *find(struct merge *m, struct str key)
{
	for (struct merge_element *e = *bucket_of(m, key); e; e = e->next_in_bucket)
		if (str_equal(e->key_text, key))
			return e;
	return NULL;
}

static struct err *add_element(struct merge *m, struct str key, struct merge_element **out)
{
	struct merge_element *e = arena_alloc(m->arena, sizeof(*e));
	TRY_MEMORY(e);
	e->key_text = arena_str(m->arena, key);
	TRY_MEMORY(e->key_text.data);
	e->is_sum = true;
	struct merge_element **bucket = bucket_of(m, key);
	e->next_in_bucket = *bucket;
	*bucket = e;
	if (m->last)
		m->last->next = e;
	else
		m->first = e;
	m->last = e;
	m->count++;
	*out = e;
	return NULL;
}

static struct err *add_value(struct merge *m, struct merge_element *e, struct str host,
			     const struct node *value)
{
	struct merge_value *v = arena_alloc(m->arena, sizeof(*v));
	TRY_MEMORY(v);
	*v = (struct merge_value){.host = host, .value = value};
	if (e->last_value)
		e->last_value->next = v;
	else
		e->values = v;
	e->last_value = v;
	e->is_sum &= value->kind == NODE_INT;
	if (e->is_sum)
		e->sum += value->integer;
	return NULL;
}

static struct err *take_element(struct merge *m, struct str host, const struct node *n)
{
	struct element pair = {0};
	OWNED_BUF struct buf key = BUF_INIT((size_t)1 << 20);
	TRY(fields_decode(n, element_fields, ARRAY_SIZE(element_fields), &pair));
	json_print(pair.key, &key);
	TRY(buf_check(&key));
	struct merge_element *e = find(m, buf_str(&key));
	if (!e && m->count == MERGE_MAX_ELEMENTS) {
		m->lost++;
		return NULL;
	}
	if (!e)
		TRY(add_element(m, buf_str(&key), &e));
	return add_value(m, e, host, pair.value);
}

/* Form first, so that a bad answer adds nothing. */
static struct err *check_elements(const struct node *elements)
{
	size_t i = 0;
	NODE_EACH (each, elements) {
		struct element pair = {0};
		TRY_AT(fields_decode(each, element_fields, ARRAY_SIZE(element_fields), &pair),
		       "/elements/%zu", i);
		i++;
	}
	return NULL;
}

struct err *merge_add(struct merge *m, struct str host, const struct node *value)
{
	struct answer answer = {0};
	TRY(fields_decode(value, answer_fields, ARRAY_SIZE(answer_fields), &answer));
	TRY(check_elements(answer.elements));
	NODE_EACH (each, answer.elements)
		TRY(take_element(m, host, each));
	if (answer.lost > 0 && __builtin_add_overflow(m->lost, answer.lost, &m->lost))
		m->lost = INT64_MAX;
	return NULL;
}

static void print_sum(struct json *w, __int128 sum)
{
	char digits[48];
	if (sum >= INT64_MIN && sum <= INT64_MAX) {
		json_int(w, "value", (int64_t)sum);
		return;
	}
	/* At most 100,000 × 2^63 in size: two halves of decimal digits. */
	const __int128 half = 1000000000000000000;
	__int128 size = sum < 0 ? -sum : sum;
	snprintf(digits, sizeof(digits), "%s%lld%018lld", sum < 0 ? "-" : "",
		 (long long)(size / half), (long long)(size % half));
	json_text(w, "value", str_of(digits));
}

static void print_values(struct json *w, const struct merge_element *e)
{
	json_list(w, "values");
	for (const struct merge_value *v = e->values; v; v = v->next) {
		json_object(w, NULL);
		json_text(w, "host", v->host);
		json_node(w, "value", v->value);
		json_end(w);
	}
	json_end(w);
}

void merge_print(const struct merge *m, struct json *w)
{
	json_list(w, "elements");
	for (const struct merge_element *e = m->first; e; e = e->next) {
		json_object(w, NULL);
		json_raw(w, "key", e->key_text);
		if (e->is_sum)
			print_sum(w, e->sum);
		else if (e->values == e->last_value)
			json_node(w, "value", e->values->value);
		else
			print_values(w, e);
		json_end(w);
	}
	json_end(w);
	json_int(w, "lost", m->lost);
}
