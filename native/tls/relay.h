/*
 * A connection behind TLS, from the first byte of its handshake to its end: bytes go both ways between its socket and a socket pair, at whose other
 * end is the loop, as fast as the slower end takes them. Belongs to one thread (thread.c), which calls it whenever something may have become possible.
 */
#ifndef VBLADE_TLS_RELAY_H
#define VBLADE_TLS_RELAY_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "side.h"
#include "words.h"

/* Which of both sockets: the thread watches them, and waits for what is wanted of each. */
enum vb_tls_end { VB_TLS_RAW = 0, VB_TLS_PLAIN = 1, VB_TLS_ENDS = 2 };

/* What one direction has taken and could not hand on. */
struct vb_tls_rest {
	uint8_t *bytes;
	size_t from, to;
};

struct vb_tls_relay;

/* What a thread is told. */
enum vb_tls_news {
	VB_TLS_UP = 1,     /* words: protocol, cipher, identity ("": none), refusal ("": it may go on) */
	VB_TLS_FAILED = 2, /* why: nothing has come of it */
	VB_TLS_BROKEN = 3, /* why: it has broken after it was up; it ends when that is known, or after a while */
	VB_TLS_OVER = 4,   /* it was up, and is over */
};

struct vb_tls_watch {
	struct vb_tls_relay *relay;
	enum vb_tls_end end;
	uint32_t wanted; /* of epoll(7): kept by the thread */
};

enum vb_tls_state { VB_TLS_GREETING, VB_TLS_PASSING, VB_TLS_LEAVING, VB_TLS_WAITING, VB_TLS_ENDED };

struct vb_tls_relay {
	uint32_t id;
	enum vb_tls_state state;
	SSL *ssl;
	struct vb_tls_peer peer;
	char *host, *identity; /* of a client: see vb_tls_relay_begin */
	int fds[VB_TLS_ENDS];  /* -1: closed */
	uint32_t wants[VB_TLS_ENDS]; /* EPOLLIN, EPOLLOUT */
	struct vb_tls_watch watches[VB_TLS_ENDS];
	struct vb_tls_rest in, out; /* what was decrypted; what is to be encrypted */
	int far_over;      /* the other end has sent its last */
	int has_heard_over; /* the loop has heard of it */
	int has_said_over; /* so have we */
	int again;         /* there is more to do than one turn has time for */
	uint64_t ends_ns;  /* LEAVING and WAITING: it is over then */
	struct vb_tls_relay *next, *before; /* of its thread; then of those that are to be freed */
};

/* For a turn of the thread, and nothing that is kept. */
struct vb_tls_turn {
	uint8_t *bytes; /* VB_TLS_TURN_BYTES */
	void *thread;
	void (*tell)(void *thread, struct vb_tls_relay *relay, enum vb_tls_news news, const char *const words[4]);
};
enum { VB_TLS_TURN_BYTES = 64 * 1024 };

/*
 * Has both descriptors and one hold on the side from now on. Of a client: whom the server's certificate has to name (NULL: nobody), and by which key
 * it makes itself known (NULL: by none). NULL: there is no memory.
 */
struct vb_tls_relay *vb_tls_relay_new(uint32_t id, int raw, int plain, struct vb_tls_side *side, const char *host, const char *identity);
/* Begins with the handshake. */
void vb_tls_relay_begin(struct vb_tls_relay *relay, struct vb_tls_turn *turn);
/* Does what can be done now. Afterwards `wants` says what it waits for. */
void vb_tls_relay_go(struct vb_tls_relay *relay, struct vb_tls_turn *turn);
/* Now. May be called again. */
void vb_tls_relay_end(struct vb_tls_relay *relay, struct vb_tls_turn *turn);
void vb_tls_relay_free(struct vb_tls_relay *relay);

/* ---- between relay.c and passing.c ---- */

/* Of one that is up: bytes both ways. */
void vb_tls_pass(struct vb_tls_relay *relay, struct vb_tls_turn *turn);
/* Of one that the loop has left: what it said goes out, and then comes what the other end still says, if all that ends within the limit. */
void vb_tls_go_away(struct vb_tls_relay *relay, struct vb_tls_turn *turn);

static inline void vb_tls_close_end(struct vb_tls_relay *relay, enum vb_tls_end end)
{
	if (relay->fds[end] >= 0) close(relay->fds[end]);
	relay->fds[end] = -1;
	relay->wants[end] = 0;
}

static inline void vb_tls_forget(struct vb_tls_rest *rest)
{
	free(rest->bytes);
	*rest = (struct vb_tls_rest){ 0 };
}

#endif
