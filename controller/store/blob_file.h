/*
 * blob_file - blobs as files, named by their digest, in one folder.
 *
 * A file is written whole under another name, synced and renamed, so one that has its name is complete.
 */
#pragma once

#include "shared/base/buf.h"

/* Makes the folder and removes what writes that a crash cut short have left. */
MUST_CHECK struct err *blob_file_prepare(const char *folder);
MUST_CHECK struct err *blob_file_put(const char *folder, struct str digest, struct bytes data);
/* Appends to `out`. fails NOT_FOUND; INTERNAL where the bytes do not fit the digest. */
MUST_CHECK struct err *blob_file_get(const char *folder, struct str digest, struct buf *out);
MUST_CHECK struct err *blob_file_stat(const char *folder, struct str digest, int64_t *size);
