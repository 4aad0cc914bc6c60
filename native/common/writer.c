/*
 * See writer.h. A thread, because only a thread waits for every kind of file alike: O_NONBLOCK would be shared with all
 * others that have the terminal or pipe, and regular files know none.
 *
 *   put ──> list ──> the thread ──> write(2)
 */
#define _GNU_SOURCE
#include "writer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"

enum { STACK_BYTES = 128 * 1024, RETRY_MS = 10 };

struct text {
	struct text *next;
	size_t length;
	char bytes[];
};

struct vb_writer {
	int fd;
	size_t limit, bytes;
	pthread_mutex_t lock;
	pthread_cond_t work;  /* for the thread: there is text, or closing */
	pthread_cond_t done;  /* for vb_writer_flush: there is none any more */
	struct text *first, *last;
	unsigned long long lost; /* texts that nobody has been told of */
	int overflowed;  /* nothing is taken until the list is empty: so the line about what is lost stands where it was lost */
	int torn;        /* the last write ended within a line */
	int has_thread;
	int closing;
};

static void destroy(struct vb_writer *writer)
{
	close(writer->fd);
	pthread_mutex_destroy(&writer->lock);
	pthread_cond_destroy(&writer->work);
	pthread_cond_destroy(&writer->done);
	free(writer);
}

/* Called by the thread alone, without the lock. */
static int write_all(struct vb_writer *writer, const char *from, size_t length)
{
	while (length > 0) {
		ssize_t n = write(writer->fd, from, length);
		if (n < 0 && errno == EINTR) continue;
		if (n < 0 && errno == EAGAIN) {
			/* Somebody who shares the file has made it non-blocking. */
			struct pollfd room = { .fd = writer->fd, .events = POLLOUT };
			poll(&room, 1, -1);
			continue;
		}
		if (n <= 0) return n < 0 ? -errno : -EIO;
		from += n;
		length -= (size_t)n;
		writer->torn = length > 0;
	}
	return 0;
}

/* With the lock held, which it lets go meanwhile. False if that line is not taken either. */
static int tell_lost(struct vb_writer *writer)
{
	unsigned long long lost = writer->lost;
	char line[120];
	pthread_mutex_unlock(&writer->lock);
	int length = snprintf(line, sizeof line, "%svblade: warn: %llu line%s of the log %s lost: nobody took %s\n",
			      writer->torn ? "\n" : "", lost, lost == 1 ? "" : "s", lost == 1 ? "was" : "were", lost == 1 ? "it" : "them");
	int error = write_all(writer, line, (size_t)length);
	pthread_mutex_lock(&writer->lock);
	if (!error) writer->lost -= lost;
	return !error;
}

/* With the lock held, which it lets go meanwhile: writes the first text, after the line about those that were lost before. */
static void write_first(struct vb_writer *writer)
{
	struct text *text = writer->first;
	int written = writer->lost == 0 || writer->overflowed || tell_lost(writer);
	if (written) {
		pthread_mutex_unlock(&writer->lock);
		written = write_all(writer, text->bytes, text->length) == 0;
		pthread_mutex_lock(&writer->lock);
	}
	if (!written) writer->lost++;
	writer->first = text->next;
	if (!writer->first) writer->last = NULL;
	writer->bytes -= text->length;
	free(text);
}

static void *run(void *argument)
{
	struct vb_writer *writer = argument;
	pthread_mutex_lock(&writer->lock);
	for (;;) {
		if (writer->first) {
			write_first(writer);
		} else if (writer->overflowed) {
			/* More may be lost while that line waits. */
			writer->overflowed = tell_lost(writer) && writer->lost > 0;
		} else if (writer->closing) {
			break;
		} else {
			pthread_cond_broadcast(&writer->done);
			pthread_cond_wait(&writer->work, &writer->lock);
		}
	}
	pthread_mutex_unlock(&writer->lock);
	destroy(writer);
	return NULL;
}

/* With the lock held. A thread that can't be had is asked for again with the next text. */
static void start_thread(struct vb_writer *writer)
{
	pthread_attr_t attributes;
	pthread_t thread;
	sigset_t all, before;
	if (writer->has_thread) return;
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	/* It has none of our signals; and a terminal that stops whoever writes in the background (tostop) lets it write. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	writer->has_thread = pthread_create(&thread, &attributes, run, writer) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
}

struct vb_writer *vb_writer_open(int fd, size_t limit)
{
	struct vb_writer *writer = calloc(1, sizeof *writer);
	if (!writer) return NULL;
	writer->limit = limit;
	writer->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (writer->fd < 0) {
		free(writer);
		return NULL;
	}
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&writer->lock, NULL);
	pthread_cond_init(&writer->work, NULL);
	pthread_cond_init(&writer->done, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return writer;
}

int vb_writer_put(struct vb_writer *writer, const char *bytes, size_t length)
{
	struct text *text = malloc(sizeof *text + length);
	if (text) {
		text->next = NULL;
		text->length = length;
		memcpy(text->bytes, bytes, length);
	}
	pthread_mutex_lock(&writer->lock);
	start_thread(writer);
	if (!text || writer->overflowed || length > writer->limit - writer->bytes) {
		writer->lost++;
		writer->overflowed = 1;
		free(text);
		text = NULL;
	} else {
		if (writer->last) writer->last->next = text;
		else writer->first = text;
		writer->last = text;
		writer->bytes += length;
	}
	pthread_cond_signal(&writer->work);
	pthread_mutex_unlock(&writer->lock);
	return text ? 0 : -ENOBUFS;
}

int vb_writer_flush(struct vb_writer *writer, unsigned limit_ms)
{
	struct timespec until = vb_later(limit_ms), now;
	pthread_mutex_lock(&writer->lock);
	while (writer->first || writer->overflowed) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec > until.tv_sec || (now.tv_sec == until.tv_sec && now.tv_nsec >= until.tv_nsec)) break;
		start_thread(writer);
		struct timespec retry = vb_later(RETRY_MS);
		pthread_cond_timedwait(&writer->done, &writer->lock, writer->has_thread ? &until : &retry);
	}
	int busy = writer->first || writer->overflowed;
	pthread_mutex_unlock(&writer->lock);
	return busy ? -ETIMEDOUT : 0;
}

void vb_writer_close(struct vb_writer *writer)
{
	pthread_mutex_lock(&writer->lock);
	writer->closing = 1;
	int has_thread = writer->has_thread;
	pthread_cond_signal(&writer->work);
	pthread_mutex_unlock(&writer->lock);
	if (has_thread) return;
	while (writer->first) {
		struct text *text = writer->first;
		writer->first = text->next;
		free(text);
	}
	destroy(writer);
}
