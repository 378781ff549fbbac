/* Refused: only data. */
#include "eim_bpf.h"

__u64 hits = 1;
