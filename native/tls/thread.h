/*
 * A thread in which TLS runs, beside the loop that serves disks: nobody who serves them waits for a handshake, or for anybody's cipher. It has
 * connections (relay.c) and watches their sockets; what it is to do and what has become of it goes to and fro in two lists. node/tls.c gives it to
 * JavaScript, lib/tls/threads.ts uses it.
 */
#ifndef VBLADE_TLS_THREAD_H
#define VBLADE_TLS_THREAD_H

#include <stdint.h>

#include "relay.h"

struct vb_tls_thread;

struct vb_tls_message {
	struct vb_tls_message *next;
	uint32_t id;
	enum vb_tls_news news;
	char words[4][VB_TLS_WORDS];
};

/* NULL and errno if there can't be one. */
struct vb_tls_thread *vb_tls_thread_start(void);
/* Can be read when there is a message. Closed with the thread. */
int vb_tls_thread_descriptor(const struct vb_tls_thread *thread);
/* The next message, to be freed by the caller; NULL: there is none now. */
struct vb_tls_message *vb_tls_thread_next(struct vb_tls_thread *thread);
/* Has the relay from now on. 0 or -ENOMEM: then not. */
int vb_tls_thread_add(struct vb_tls_thread *thread, struct vb_tls_relay *relay);
/* Nobody wants that connection any more. Of one that is not there: nothing. 0 or -ENOMEM. */
int vb_tls_thread_drop(struct vb_tls_thread *thread, uint32_t id);
/* Ends it, with all its connections: waits for what it is in the middle of, which is a handshake's arithmetic at most. */
void vb_tls_thread_end(struct vb_tls_thread *thread);

#endif
