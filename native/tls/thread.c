/* See thread.h. */
#define _GNU_SOURCE
#include "thread.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "thread-state.h"

/*
 * At the end of the process OpenSSL is taken down: by then no thread may be in it. (What is registered last is called first.)
 */
static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
static struct vb_tls_thread *all;

static void end_all(void)
{
	pthread_mutex_lock(&all_lock);
	struct vb_tls_thread *thread = all;
	all = NULL;
	pthread_mutex_unlock(&all_lock);
	for (; thread; thread = thread->next) {
		pthread_mutex_lock(&thread->lock);
		thread->is_ending = 1;
		pthread_mutex_unlock(&thread->lock);
		vb_tls_ring(thread->wake);
		pthread_join(thread->thread, NULL);
	}
}

static void let_go(struct vb_tls_thread *thread)
{
	if (thread->epoll >= 0) close(thread->epoll);
	if (thread->wake >= 0) close(thread->wake);
	if (thread->told >= 0) close(thread->told);
	pthread_mutex_destroy(&thread->lock);
	free(thread->turn.bytes);
	free(thread);
}

/* 0 or -errno. */
static int make(struct vb_tls_thread *thread)
{
	struct epoll_event event = { .events = EPOLLIN, .data = { .ptr = NULL } };
	thread->epoll = epoll_create1(EPOLL_CLOEXEC);
	thread->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	thread->told = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (thread->epoll < 0 || thread->wake < 0 || thread->told < 0) return -errno;
	if (epoll_ctl(thread->epoll, EPOLL_CTL_ADD, thread->wake, &event) != 0) return -errno;
	thread->turn.bytes = malloc(VB_TLS_TURN_BYTES);
	return thread->turn.bytes ? 0 : -ENOMEM;
}

/* Signals are for those who wait for them. 0 or -errno. */
static int start(struct vb_tls_thread *thread)
{
	sigset_t none, before;
	sigfillset(&none);
	pthread_sigmask(SIG_SETMASK, &none, &before);
	int error = pthread_create(&thread->thread, NULL, vb_tls_loop, thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error == 0) pthread_setname_np(thread->thread, "tls");
	return -error;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static void at_exit(void)
{
	atexit(end_all);
}

struct vb_tls_thread *vb_tls_thread_start(void)
{
	struct vb_tls_thread *thread = calloc(1, sizeof *thread);
	if (!thread) return NULL;
	thread->last_order = &thread->first_order;
	thread->last_message = &thread->first_message;
	pthread_mutex_init(&thread->lock, NULL);
	pthread_once(&once, at_exit);
	int error = make(thread);
	if (error == 0) error = start(thread);
	if (error) {
		let_go(thread);
		errno = -error;
		return NULL;
	}
	pthread_mutex_lock(&all_lock);
	thread->next = all;
	all = thread;
	pthread_mutex_unlock(&all_lock);
	return thread;
}

int vb_tls_thread_descriptor(const struct vb_tls_thread *thread)
{
	return thread->told;
}

struct vb_tls_message *vb_tls_thread_next(struct vb_tls_thread *thread)
{
	pthread_mutex_lock(&thread->lock);
	struct vb_tls_message *message = thread->first_message;
	if (message) thread->first_message = message->next;
	if (!thread->first_message) {
		thread->last_message = &thread->first_message;
		vb_tls_silence(thread->told);
	}
	pthread_mutex_unlock(&thread->lock);
	return message;
}

static void give(struct vb_tls_thread *thread, struct order *order)
{
	pthread_mutex_lock(&thread->lock);
	*thread->last_order = order;
	thread->last_order = &order->next;
	pthread_mutex_unlock(&thread->lock);
	vb_tls_ring(thread->wake);
}

int vb_tls_thread_add(struct vb_tls_thread *thread, struct vb_tls_relay *relay)
{
	struct order *order = calloc(1, sizeof *order);
	if (!order) return -ENOMEM;
	order->relay = relay;
	give(thread, order);
	return 0;
}

int vb_tls_thread_drop(struct vb_tls_thread *thread, uint32_t id)
{
	struct order *order = calloc(1, sizeof *order);
	if (!order) return -ENOMEM;
	order->id = id;
	give(thread, order);
	return 0;
}

static void forget(struct vb_tls_thread *thread)
{
	pthread_mutex_lock(&all_lock);
	for (struct vb_tls_thread **at = &all; *at; at = &(*at)->next)
		if (*at == thread) {
			*at = thread->next;
			break;
		}
	pthread_mutex_unlock(&all_lock);
}

void vb_tls_thread_end(struct vb_tls_thread *thread)
{
	struct vb_tls_message *message;
	forget(thread);
	pthread_mutex_lock(&thread->lock);
	thread->is_ending = 1;
	pthread_mutex_unlock(&thread->lock);
	vb_tls_ring(thread->wake);
	pthread_join(thread->thread, NULL);
	while ((message = vb_tls_thread_next(thread))) free(message);
	let_go(thread);
}
