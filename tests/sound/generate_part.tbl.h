/*
 * The subjects that programs are written about: PART(NAME): generate_NAME.c defines generate_part_NAME.
 */
PART(number)
PART(jump)
PART(memory)
PART(map)
PART(inner)
PART(lock)
PART(ring)
PART(dynptr)
PART(helper)
PART(function)
PART(meter)
PART(global)
PART(tail)
PART(extension)
PART(extern)
