/*
 * What programs name of the host: FUNCTION(NAME, result, arguments) and VARIABLE(NAME): host_NAME.
 *   result, arguments   i int, u unsigned int, l long, m unsigned long, c signed char, h unsigned short, b bool,
 *                       p pointer, v nothing
 */
FUNCTION(number, "l", "chm")
FUNCTION(pick, "i", "i")
FUNCTION(ready, "b", "b")
FUNCTION(bound, "m", "")
FUNCTION(notify, "v", "i")
FUNCTION(look, "i", "pi")
FUNCTION(fill, "i", "pu")
FUNCTION(either, "i", "pmi")
FUNCTION(stat, "i", "p")
FUNCTION(open, "i", "pi")
FUNCTION(seek, "l", "il")
FUNCTION(close, "i", "i")
FUNCTION(accept, "i", "")
FUNCTION(leave, "i", "i")
FUNCTION(connect, "p", "i")
FUNCTION(send, "i", "ppm")
FUNCTION(disconnect, "v", "p")
FUNCTION(first, "p", "")
FUNCTION(rank, "i", "p")
FUNCTION(update, "i", "p")
FUNCTION(bump, "i", "p")
VARIABLE(counter)
VARIABLE(tally)
VARIABLE(limits)
