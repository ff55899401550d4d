#define _GNU_SOURCE
#include "pool.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { SPIN_NS = 20000, SPINS_PER_LOOK = 16, FIRST_PERCENT = 85, MAX_THREADS = 1024 };

#define LOAD(p) __atomic_load_n((p), __ATOMIC_SEQ_CST)
#define STORE(p, v) __atomic_store_n((p), (v), __ATOMIC_SEQ_CST)
#define FETCH_ADD(p, v) __atomic_fetch_add((p), (v), __ATOMIC_SEQ_CST)

static k_kernel kernels[K_KIND_COUNT];
static int current_isa = -1;

struct worker {
	k_pool *pool;
	pthread_t thread;
	int index;
};

/* A list is open while `open` holds its number; a worker counts itself in `inside` before it looks, so
 * the caller that closes the list and then sees nobody inside knows that nobody will enter. */
struct k_pool {
	int threads;
	struct worker *workers;

	_Alignas(64) uint32_t generation; /* futex: a new list, or the end */
	uint32_t idle_sleepers;
	int32_t stop;

	_Alignas(64) uint32_t open; /* generation of the open list, 0 when closed */
	k_op *ops;
	int64_t count;
	int isa;

	_Alignas(64) uint32_t inside;

	_Alignas(64) uint32_t event; /* futex: something that a barrier may wait for has completed */
	uint32_t event_sleepers;
};

int64_t k_now_ns(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void pause_briefly(void) {
#if defined(__x86_64__)
	__builtin_ia32_pause();
#endif
}

static void futex_wait(uint32_t *word, uint32_t expected) { syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0); }
static void futex_wake_all(uint32_t *word) { syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0); }

/* Instruction sets */

int k_isa_supported(int isa) {
	if (isa == K_ISA_PORTABLE) return 1;
#if defined(__x86_64__)
	__builtin_cpu_init();
	int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
	if (isa == K_ISA_AVX2) return avx2;
	if (isa == K_ISA_AVX512)
		return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
		       __builtin_cpu_supports("avx512vnni");
#endif
	return 0;
}

int k_isa_best(void) {
	for (int isa = K_ISA_COUNT - 1; isa > 0; isa--)
		if (k_isa_supported(isa)) return isa;
	return K_ISA_PORTABLE;
}

int k_isa_current(void) {
	int isa = LOAD(&current_isa);
	if (isa < 0) STORE(&current_isa, isa = k_isa_best());
	return isa;
}

void k_isa_set(int isa) { STORE(&current_isa, isa); }

int k_pool_register(const k_kernel *table, int64_t count) {
	for (int64_t i = 0; i < count; i++) {
		if (table[i].version != K_OP_VERSION || table[i].kind < 0 || table[i].kind >= K_KIND_COUNT) return -1;
		kernels[table[i].kind] = table[i];
	}
	return 0;
}

static k_run_fn function_for(int kind, int isa) {
	while (isa > 0 && !kernels[kind].run[isa]) isa--;
	return kernels[kind].run[isa];
}

/* Working on a list */

static int complete(const k_op *op) { return LOAD(&op->done) >= op->units; }

static void wait_for_op(k_pool *pool, const k_op *op) {
	int64_t give_up = 0;
	for (int spins = 0; !complete(op); spins++) {
		pause_briefly();
		if (spins % SPINS_PER_LOOK) continue;
		int64_t now = k_now_ns();
		if (!give_up) give_up = now + SPIN_NS;
		if (now < give_up) continue;
		uint32_t seen = LOAD(&pool->event);
		FETCH_ADD(&pool->event_sleepers, 1);
		if (!complete(op)) futex_wait(&pool->event, seen);
		FETCH_ADD(&pool->event_sleepers, -1);
	}
}

static void announce(k_pool *pool) {
	if (LOAD(&pool->event_sleepers) == 0) return;
	FETCH_ADD(&pool->event, 1);
	futex_wake_all(&pool->event);
}

/* Claims a chunk. Each thread's first is most of its even share, one long stream of memory; what is then left
 * goes in ever smaller pieces, so that threads end together though some are slower. No chunk is smaller than
 * op->chunk. Returns the number of pieces, 0 when none are left. */
static int64_t claim(const k_pool *pool, k_op *op, int64_t *begin) {
	int64_t units = op->units, least = op->chunk, threads = pool->threads, first = LOAD(&op->next), size;
	int64_t share = units * FIRST_PERCENT / (100 * threads) / least * least;
	do {
		if (first >= units) return 0;
		if (threads == 1) size = units;
		else if (first < share * threads) size = share;
		else size = ((units - first + threads - 1) / threads + least - 1) / least * least;
		if (size < least) size = least;
		if (size > units - first) size = units - first;
	} while (!__atomic_compare_exchange_n(&op->next, &first, first + size, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
	*begin = first;
	return size;
}

static void work_on_op(k_pool *pool, k_op *op, int isa, int thread) {
	int64_t begin, size, units = op->units;
	if (LOAD(&op->next) >= units) return;
	k_run_fn run = function_for(op->kind, isa);
	while ((size = claim(pool, op, &begin))) {
		int64_t end = begin + size;
		if (begin == 0 && op->flags & K_FLAG_TIMED) op->start_ns = k_now_ns();
		run(op, begin, end, thread);
		/* The clock is read before the completion is published: afterwards the caller may own the op. */
		if (op->flags & K_FLAG_TIMED) {
			int64_t now = k_now_ns(), last = LOAD(&op->end_ns);
			while (last < now && !__atomic_compare_exchange_n(&op->end_ns, &last, now, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {}
		}
		if (FETCH_ADD(&op->done, size) + size >= units) {
			announce(pool);
			return;
		}
	}
}

static void work_on_list(k_pool *pool, int thread) {
	k_op *ops = pool->ops;
	int64_t count = pool->count, waited = 0;
	int isa = pool->isa;
	for (int64_t i = 0; i < count; i++) {
		work_on_op(pool, ops + i, isa, thread);
		if (ops[i].flags & K_FLAG_BARRIER || i == count - 1) {
			for (; waited <= i; waited++)
				if (!complete(ops + waited)) wait_for_op(pool, ops + waited);
		}
	}
}

/* Waits for a generation other than seen. */
static uint32_t wait_for_list(k_pool *pool, uint32_t seen) {
	int64_t give_up = 0;
	for (int spins = 0;; spins++) {
		uint32_t now = LOAD(&pool->generation);
		if (now != seen) return now;
		pause_briefly();
		if (spins % SPINS_PER_LOOK) continue;
		int64_t t = k_now_ns();
		if (!give_up) give_up = t + SPIN_NS;
		if (t < give_up) continue;
		FETCH_ADD(&pool->idle_sleepers, 1);
		if (LOAD(&pool->generation) == seen) futex_wait(&pool->generation, seen);
		FETCH_ADD(&pool->idle_sleepers, -1);
	}
}

static void *worker_main(void *argument) {
	struct worker *self = argument;
	k_pool *pool = self->pool;
	uint32_t seen = 0;
	for (;;) {
		seen = wait_for_list(pool, seen);
		if (LOAD(&pool->stop)) return NULL;
		FETCH_ADD(&pool->inside, 1);
		if (LOAD(&pool->open) != 0) work_on_list(pool, self->index);
		if (FETCH_ADD(&pool->inside, -1) == 1) announce(pool);
	}
}

static void bump_generation(k_pool *pool) {
	FETCH_ADD(&pool->generation, 1);
	if (LOAD(&pool->idle_sleepers)) futex_wake_all(&pool->generation);
}

int64_t k_pool_run(k_pool *pool, k_op *ops, int64_t count) {
	for (int64_t i = 0; i < count; i++) {
		k_op *op = ops + i;
		if (op->kind < 0 || op->kind >= K_KIND_COUNT || !kernels[op->kind].units) return i;
		int64_t grain = 1, units = kernels[op->kind].units(op, &grain);
		if (units < 0 || grain < 1) return i;
		op->units = units;
		op->chunk = grain;
		op->next = op->done = 0;
		if (op->flags & K_FLAG_TIMED) op->start_ns = op->end_ns = 0;
	}
	if (count <= 0) return -1;
	pool->ops = ops;
	pool->count = count;
	pool->isa = k_isa_current();
	if (pool->threads > 1) {
		STORE(&pool->open, 1);
		bump_generation(pool);
	}
	work_on_list(pool, 0);
	if (pool->threads > 1) {
		STORE(&pool->open, 0);
		int64_t give_up = k_now_ns() + SPIN_NS;
		while (LOAD(&pool->inside)) {
			pause_briefly();
			if (k_now_ns() < give_up) continue;
			uint32_t seen = LOAD(&pool->event);
			FETCH_ADD(&pool->event_sleepers, 1);
			if (LOAD(&pool->inside)) futex_wait(&pool->event, seen);
			FETCH_ADD(&pool->event_sleepers, -1);
		}
	}
	return -1;
}

static void stop_workers(k_pool *pool, int started) {
	STORE(&pool->stop, 1);
	bump_generation(pool);
	for (int i = 1; i <= started; i++) pthread_join(pool->workers[i].thread, NULL);
	free(pool->workers);
	free(pool);
}

k_pool *k_pool_new(int threads) {
	if (threads < 1 || threads > MAX_THREADS) {
		errno = EINVAL;
		return NULL;
	}
	k_pool *pool = aligned_alloc(64, (sizeof(k_pool) + 63) / 64 * 64);
	if (!pool) return NULL;
	*pool = (k_pool){.threads = threads};
	pool->workers = calloc((size_t)threads, sizeof(struct worker));
	if (!pool->workers) {
		free(pool);
		errno = ENOMEM;
		return NULL;
	}
	for (int i = 1; i < threads; i++) {
		pool->workers[i] = (struct worker){.pool = pool, .index = i};
		int failed = pthread_create(&pool->workers[i].thread, NULL, worker_main, &pool->workers[i]);
		if (failed) {
			stop_workers(pool, i - 1);
			errno = failed;
			return NULL;
		}
	}
	return pool;
}

void k_pool_free(k_pool *pool) { stop_workers(pool, pool->threads - 1); }
