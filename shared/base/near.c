#include "shared/base/near.h"
#include "shared/base/own.h"

#define NEAR_MAX 64

struct near near_start(struct str wanted)
{
	return (struct near){.wanted = wanted, .distance = SIZE_MAX};
}

/* Optimal string alignment distance, three rows at a time. */
static size_t edit_distance(struct str a, struct str b)
{
	size_t rows[3][NEAR_MAX + 1];
	for (size_t j = 0; j <= b.size; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a.size; i++) {
		size_t *row = rows[i % 3], *up = rows[(i + 2) % 3], *up2 = rows[(i + 1) % 3];
		row[0] = i;
		for (size_t j = 1; j <= b.size; j++) {
			size_t cost = a.data[i - 1] != b.data[j - 1];
			size_t gap = MIN(up[j], row[j - 1]) + 1;
			row[j] = MIN(gap, up[j - 1] + cost);
			if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] &&
			    a.data[i - 2] == b.data[j - 1])
				row[j] = MIN(row[j], up2[j - 2] + 1);
		}
	}
	return rows[a.size % 3][b.size];
}

static bool contains(struct str whole, struct str part)
{
	return part.size >= 4 && part.size <= whole.size &&
	       memmem(whole.data, whole.size, part.data, part.size);
}

void near_offer(struct near *near, struct str candidate)
{
	struct str wanted = near->wanted;
	if (wanted.size >= NEAR_MAX || candidate.size >= NEAR_MAX || candidate.size == 0)
		return;
	size_t distance = edit_distance(wanted, candidate);
	size_t enough = MAX(wanted.size, candidate.size) / 3;
	if (distance > enough && (contains(wanted, candidate) || contains(candidate, wanted)))
		distance = enough;
	if (distance <= enough && distance < near->distance) {
		near->distance = distance;
		near->best = candidate;
	}
}

struct str near_found(const struct near *near)
{
	return near->best;
}
