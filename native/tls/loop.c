/* See thread-state.h: what a thread of TLS does. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "common/clock.h"
#include "thread-state.h"

enum {
	EVENTS_AT_ONCE = 64,
	NICE = 5, /* where processors are lacking, the loop comes first: clients without TLS wait for nobody's cipher */
};

static void tell(void *data, struct vb_tls_relay *relay, enum vb_tls_news news, const char *const words[4])
{
	struct vb_tls_thread *thread = data;
	struct vb_tls_message *message = calloc(1, sizeof *message);
	/* Who is not told of an end sees it: the socket pair is closed. */
	if (!message) return;
	message->id = relay->id;
	message->news = news;
	for (int i = 0; i < 4; i++) strncpy(message->words[i], words[i], VB_TLS_WORDS - 1);
	pthread_mutex_lock(&thread->lock);
	*thread->last_message = message;
	thread->last_message = &message->next;
	pthread_mutex_unlock(&thread->lock);
	vb_tls_ring(thread->told);
}

static void unlink_relay(struct vb_tls_thread *thread, struct vb_tls_relay *relay)
{
	if (relay->before) relay->before->next = relay->next;
	else thread->relays = relay->next;
	if (relay->next) relay->next->before = relay->before;
	relay->next = thread->ended;
	thread->ended = relay;
}

static void cannot_watch(struct vb_tls_thread *thread, struct vb_tls_relay *relay)
{
	static const char *const words[4] = { "no descriptor can be watched for TLS", "", "", "" };
	int was_up = relay->state != VB_TLS_GREETING;
	vb_tls_relay_end(relay, &thread->turn);
	if (!was_up) tell(thread, relay, VB_TLS_FAILED, words);
}

/* Watches for what it wants, and for nothing else: an end that nobody wants to hear of would be told for ever. */
static void watch(struct vb_tls_thread *thread, struct vb_tls_relay *relay)
{
	for (int end = 0; end < VB_TLS_ENDS; end++) {
		struct vb_tls_watch *watched = &relay->watches[end];
		uint32_t wanted = relay->wants[end];
		if (wanted == watched->wanted) continue;
		struct epoll_event event = { .events = wanted, .data = { .ptr = watched } };
		int how = wanted == 0 ? EPOLL_CTL_DEL : watched->wanted == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
		/* (What is closed is watched by nobody any more.) */
		if (relay->fds[end] >= 0 && epoll_ctl(thread->epoll, how, relay->fds[end], &event) != 0) {
			cannot_watch(thread, relay);
			return;
		}
		watched->wanted = wanted;
	}
}

/* After anything was done with it. */
static void settle(struct vb_tls_thread *thread, struct vb_tls_relay *relay)
{
	if (relay->again || relay->ends_ns > 0) thread->has_waiting = 1;
	if (relay->state != VB_TLS_ENDED) watch(thread, relay);
	if (relay->state == VB_TLS_ENDED) unlink_relay(thread, relay);
}

static void drop(struct vb_tls_thread *thread, uint32_t id)
{
	struct vb_tls_relay *relay = thread->relays;
	while (relay && relay->id != id) relay = relay->next;
	if (!relay) return;
	vb_tls_relay_end(relay, &thread->turn);
	settle(thread, relay);
}

static void begin(struct vb_tls_thread *thread, struct vb_tls_relay *relay)
{
	relay->before = NULL;
	relay->next = thread->relays;
	if (relay->next) relay->next->before = relay;
	thread->relays = relay;
	vb_tls_relay_begin(relay, &thread->turn);
	settle(thread, relay);
}

/* False if it shall end. */
static int obey(struct vb_tls_thread *thread)
{
	vb_tls_silence(thread->wake);
	pthread_mutex_lock(&thread->lock);
	struct order *order = thread->first_order;
	int is_ending = thread->is_ending;
	thread->first_order = NULL;
	thread->last_order = &thread->first_order;
	pthread_mutex_unlock(&thread->lock);
	while (order) {
		struct order *next = order->next;
		if (order->relay) begin(thread, order->relay);
		else drop(thread, order->id);
		free(order);
		order = next;
	}
	return !is_ending;
}

/* Those whose time is over, and those that have more to do than there was time for. The milliseconds until there is something to be done; -1: none. */
static int look_after(struct vb_tls_thread *thread)
{
	if (!thread->has_waiting) return -1;
	uint64_t now = vb_now_ns(), first = UINT64_MAX;
	int again = 0;
	for (struct vb_tls_relay *relay = thread->relays, *next; relay; relay = next) {
		next = relay->next;
		if (relay->again) {
			vb_tls_relay_go(relay, &thread->turn);
			settle(thread, relay);
		}
		if (relay->state == VB_TLS_ENDED) continue;
		again |= relay->again;
		if (relay->ends_ns == 0) continue;
		if (relay->ends_ns <= now) {
			vb_tls_relay_end(relay, &thread->turn);
			settle(thread, relay);
		} else if (relay->ends_ns < first) first = relay->ends_ns;
	}
	thread->has_waiting = again || first != UINT64_MAX;
	if (again) return 0;
	return first == UINT64_MAX ? -1 : (int)((first - now) / 1000000) + 1;
}

static void free_ended(struct vb_tls_thread *thread)
{
	while (thread->ended) {
		struct vb_tls_relay *relay = thread->ended;
		thread->ended = relay->next;
		vb_tls_relay_free(relay);
	}
}

void *vb_tls_loop(void *data)
{
	struct vb_tls_thread *thread = data;
	struct epoll_event events[EVENTS_AT_ONCE];
	setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), getpriority(PRIO_PROCESS, 0) + NICE);
	thread->turn.thread = thread;
	thread->turn.tell = tell;
	for (int goes_on = 1; goes_on;) {
		int wait_ms = look_after(thread);
		free_ended(thread);
		int count = epoll_wait(thread->epoll, events, EVENTS_AT_ONCE, wait_ms);
		for (int i = 0; i < count; i++) {
			struct vb_tls_watch *watched = events[i].data.ptr;
			/* (Another event of the same turn may have ended it.) */
			if (!watched || watched->relay->state == VB_TLS_ENDED) continue;
			vb_tls_relay_go(watched->relay, &thread->turn);
			settle(thread, watched->relay);
		}
		/* After these: what they are of may be dropped. */
		for (int i = 0; i < count; i++)
			if (!events[i].data.ptr) goes_on = obey(thread);
	}
	while (thread->relays) {
		vb_tls_relay_end(thread->relays, &thread->turn);
		unlink_relay(thread, thread->relays);
	}
	free_ended(thread);
	return NULL;
}
