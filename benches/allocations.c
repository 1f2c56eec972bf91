// Counts a program's allocations, and prints them on standard error when it ends:
// cc -shared -fPIC -o allocations.so allocations.c; LD_PRELOAD=./allocations.so PROGRAM
//
// For glibc, whose own functions have these names, too. The daemon has one thread.
#include <stddef.h>
#include <stdio.h>

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *old, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);

static unsigned long allocations;

void *malloc(size_t bytes) {
	allocations++;
	return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes) {
	allocations++;
	return __libc_calloc(count, bytes);
}

void *realloc(void *old, size_t bytes) {
	allocations++;
	return __libc_realloc(old, bytes);
}

int posix_memalign(void **place, size_t alignment, size_t bytes) {
	allocations++;
	*place = __libc_memalign(alignment, bytes);
	return *place ? 0 : 12;
}

__attribute__((destructor)) static void print(void) {
	fprintf(stderr, "allocations: %lu\n", allocations);
}
