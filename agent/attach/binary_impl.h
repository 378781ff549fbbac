/*
 * binary_impl - what the files of `binary` share; nobody else includes it.
 */
#pragma once

#include "agent/attach/binary.h"

#include "shared/base/arena.h"
#include "shared/base/buf.h"

#include <elf.h>

#define BINARY_MAX_HEADERS 64u

struct binary_symbol {
	struct binary_function function;
	bool is_local;
	uint8_t rank; /* 0: of .symtab, 1: of .dynsym */
};

struct binary {
	struct arena arena;
	struct buf content;
	struct bytes file; /* the content, or what binary_parse() was given */
	uint32_t device;
	uint64_t inode;
	Elf64_Phdr headers[BINARY_MAX_HEADERS];
	uint32_t headers_count;
	struct str build_id;
	struct bytes btf;
	struct binary_symbol *symbols; /* ascending by address */
	size_t symbols_count;
	struct binary_symbol *data; /* variables likewise: `function` has their names and places */
	size_t data_count;
};

/* The loaded segment that holds `address`, or NULL. */
const Elf64_Phdr *binary_load_at(const struct binary *b, uint64_t address);

/* The bytes of the file that are mapped at `address`, at most `size`. */
struct bytes binary_bytes_at(const struct binary *b, uint64_t address, size_t size);

/* Reads the symbol tables. */
MUST_CHECK struct err *binary_read_symbols(struct binary *b, const Elf64_Shdr *sections,
					   uint32_t count);

/* The range of code that one unwind entry (.eh_frame) covers and `address` is in. */
bool binary_frame_at(const struct binary *b, uint64_t address, uint64_t *start, uint64_t *size);
