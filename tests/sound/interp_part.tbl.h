/*
 * What programs can call: PART(NAME): interp_NAME.c defines interp_part_NAME.
 */
PART(map)
PART(lock)
PART(ring)
PART(dynptr)
PART(iter)
PART(host)
PART(callback)
PART(tail)
PART(extension)
