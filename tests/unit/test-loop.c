// SPDX-License-Identifier: BSD-2-Clause
/* test-loop - dispatch, removal while dispatching, timers. */
#include "harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "loop.h"
#include "stats.h"

struct probe {
	struct loop *loop;
	struct loop_source src;
	struct probe *other; /* what to act on */
	int calls;
	uint32_t events;
};

static void count(void *opaque, uint32_t events)
{
	struct probe *p = opaque;

	p->calls++;
	p->events = events;
	loop_stop(p->loop);
}

static void remove_both(void *opaque, uint32_t events)
{
	struct probe *p = opaque;

	(void)events;
	p->calls++;
	loop_remove(p->loop, &p->src);
	loop_remove(p->loop, &p->other->src);
}

static void silence_other(void *opaque, uint32_t events)
{
	struct probe *p = opaque;

	(void)events;
	p->calls++;
	loop_remove(p->loop, &p->src);
	assert_int_equal(loop_modify(p->loop, &p->other->src, 0), 0);
}

static void init_probe(struct probe *p, struct loop *loop,
		       void (*fn)(void *opaque, uint32_t events))
{
	memset(p, 0, sizeof(*p));
	p->loop = loop;
	p->src.fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	p->src.events = EPOLLIN;
	p->src.fn = fn;
	p->src.opaque = p;
	assert_true(p->src.fd >= 0);
	assert_int_equal(loop_add(loop, &p->src), 0);
}

static void stop(void *opaque)
{
	loop_stop(opaque);
}

/* Runs the loop for at most so many milliseconds. */
static void run_for(struct loop *loop, uint64_t ms)
{
	struct loop_timer t = { 0 };

	assert_int_equal(loop_timer_init(loop, &t, stop, loop), 0);
	assert_int_equal(loop_timer_set(&t, ms), 0);
	assert_int_equal(loop_run(loop), 0);
	loop_timer_fini(loop, &t);
}

static void dispatches_until_stopped(void **state)
{
	struct loop *loop;
	struct probe p;

	(void)state;
	assert_int_equal(loop_create(&loop), 0);
	init_probe(&p, loop, count);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(p.calls, 1);
	assert_int_equal(p.events, EPOLLIN);
	/* Level-triggered: what was not read is told again. */
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(p.calls, 2);
	loop_remove(loop, &p.src);
	close(p.src.fd);
	loop_destroy(loop);
}

/* Both are ready at once; what the first does spares the other. */
static void one_of_two_is_called(void (*fn)(void *opaque, uint32_t events))
{
	struct loop *loop;
	struct probe a, b;

	assert_int_equal(loop_create(&loop), 0);
	init_probe(&a, loop, fn);
	init_probe(&b, loop, fn);
	a.other = &b;
	b.other = &a;
	run_for(loop, 20);
	assert_int_equal(a.calls + b.calls, 1);
	close(a.src.fd);
	close(b.src.fd);
	loop_destroy(loop);
}

static void removal_while_dispatching(void **state)
{
	(void)state;
	one_of_two_is_called(remove_both);
}

static void modify_while_dispatching(void **state)
{
	(void)state;
	one_of_two_is_called(silence_other);
}

static void regular_file_is_eperm(void **state)
{
	char path[] = "/tmp/wherry-loop-XXXXXX";
	struct loop_source src = { .events = EPOLLIN };
	struct loop *loop;

	(void)state;
	src.fd = mkstemp(path);
	assert_true(src.fd >= 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(loop_create(&loop), 0);
	assert_int_equal(loop_add(loop, &src), -EPERM);
	loop_destroy(loop);
	close(src.fd);
}

static void bad_fd_is_reported(void **state)
{
	struct loop_source src = { .fd = -1, .events = EPOLLIN };
	struct loop *loop;

	(void)state;
	assert_int_equal(loop_create(&loop), 0);
	assert_int_equal(loop_add(loop, &src), -EBADF);
	loop_remove(loop, &src); /* harmless */
	loop_destroy(loop);
	loop_destroy(NULL);
}

static void timer_waits(void **state)
{
	struct loop *loop;
	uint64_t before;

	(void)state;
	assert_int_equal(loop_create(&loop), 0);
	before = now_ns();
	run_for(loop, 20);
	assert_true(now_ns() - before >= 20000000);
	loop_destroy(loop);
}

struct ticker {
	struct loop *loop;
	struct loop_timer first, second;
	int ticks;
};

static void first_tick(void *opaque)
{
	struct ticker *t = opaque;

	t->ticks++;
	assert_int_equal(loop_timer_set(&t->second, 0), 0);
}

static void second_tick(void *opaque)
{
	struct ticker *t = opaque;

	t->ticks += 100;
}

static void timer_disarms_another(void **state)
{
	struct ticker t = { 0 };

	(void)state;
	assert_int_equal(loop_create(&t.loop), 0);
	loop_timer_fini(t.loop, &t.first); /* never initialised */
	assert_int_equal(loop_timer_init(t.loop, &t.first, first_tick, &t), 0);
	assert_int_equal(loop_timer_init(t.loop, &t.second, second_tick, &t),
			 0);
	assert_int_equal(loop_timer_set(&t.first, 5), 0);
	assert_int_equal(loop_timer_set(&t.second, 15), 0);
	run_for(t.loop, 40);
	assert_int_equal(t.ticks, 1); /* one shot */
	/* Far beyond what a time_t of nanoseconds could hold. */
	assert_int_equal(loop_timer_set(&t.first, UINT64_MAX), 0);
	run_for(t.loop, 5);
	assert_int_equal(t.ticks, 1);
	loop_timer_fini(t.loop, &t.first);
	loop_timer_fini(t.loop, &t.second);
	loop_timer_fini(t.loop, &t.second);
	loop_destroy(t.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dispatches_until_stopped),
		cmocka_unit_test(removal_while_dispatching),
		cmocka_unit_test(modify_while_dispatching),
		cmocka_unit_test(regular_file_is_eperm),
		cmocka_unit_test(bad_fd_is_reported),
		cmocka_unit_test(timer_waits),
		cmocka_unit_test(timer_disarms_another),
	};

	return run_all(tests);
}
