/* See relay.h: bytes of a connection that is up, both ways, and how it ends. */
#define _GNU_SOURCE
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "relay.h"

enum {
	ROUNDS = 8,       /* of VB_TLS_TURN_BYTES each, both ways: then others have their turn */
	LINGER_MS = 5000, /* what was said last may be on its way for so long */
};

/* Has broken: the loop hears why, and then takes it away. */
static void broken(struct vb_tls_relay *relay, struct vb_tls_turn *turn, int kind, int saved)
{
	char why[VB_TLS_WORDS];
	vb_tls_reason(why, relay->ssl, kind, saved, &relay->peer);
	const char *const words[4] = { why, "", "", "" };
	relay->state = VB_TLS_WAITING;
	relay->wants[VB_TLS_RAW] = relay->wants[VB_TLS_PLAIN] = 0;
	relay->ends_ns = vb_now_ns() + LINGER_MS * 1000000ull;
	turn->tell(turn->thread, relay, VB_TLS_BROKEN, words);
}

static void leave(struct vb_tls_relay *relay)
{
	relay->state = VB_TLS_LEAVING;
	relay->ends_ns = vb_now_ns() + LINGER_MS * 1000000ull;
	vb_tls_close_end(relay, VB_TLS_PLAIN);
	vb_tls_forget(&relay->in);
}

static int keep(struct vb_tls_rest *rest, const uint8_t *bytes, size_t length)
{
	rest->bytes = malloc(length);
	if (!rest->bytes) return 0;
	memcpy(rest->bytes, bytes, length);
	rest->from = 0;
	rest->to = length;
	return 1;
}

/* How much of that the loop's end has taken; less than all: it is full. -1: nobody is there any more. */
static ssize_t to_loop(const struct vb_tls_relay *relay, const uint8_t *bytes, size_t length)
{
	ssize_t sent = send(relay->fds[VB_TLS_PLAIN], bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
	return sent < 0 && errno == EAGAIN ? 0 : sent;
}

/* 1: nothing is left of it. 0: the loop's end is full. -1: it is gone. */
static int hand_rest(struct vb_tls_relay *relay)
{
	struct vb_tls_rest *rest = &relay->in;
	if (!rest->bytes) return 1;
	ssize_t sent = to_loop(relay, rest->bytes + rest->from, rest->to - rest->from);
	if (sent < 0) return -1;
	rest->from += (size_t)sent;
	if (rest->from < rest->to) {
		relay->wants[VB_TLS_PLAIN] |= EPOLLOUT;
		return 0;
	}
	vb_tls_forget(rest);
	return 1;
}

/* Decrypts as much as one write can hand on. *kind: why no more came, if anything but SSL_ERROR_NONE. */
static size_t decrypt(struct vb_tls_relay *relay, uint8_t *bytes, int *kind, int *saved)
{
	size_t length = 0;
	*kind = SSL_ERROR_NONE;
	while (length < VB_TLS_TURN_BYTES) {
		ERR_clear_error();
		errno = 0;
		int count = SSL_read(relay->ssl, bytes + length, (int)(VB_TLS_TURN_BYTES - length));
		if (count <= 0) {
			*saved = errno;
			*kind = SSL_get_error(relay->ssl, count);
			break;
		}
		length += (size_t)count;
	}
	return length;
}

/* From the connection to the loop. False if nothing else is to be done now. */
static int pass_in(struct vb_tls_relay *relay, struct vb_tls_turn *turn)
{
	for (int round = 0; round < ROUNDS; round++) {
		int handed = hand_rest(relay), kind, saved = 0;
		if (handed < 0) {
			leave(relay);
			return 0;
		}
		if (handed == 0 || relay->far_over) return 1;
		size_t length = decrypt(relay, turn->bytes, &kind, &saved);
		ssize_t sent = length > 0 ? to_loop(relay, turn->bytes, length) : 0;
		if (sent < 0) {
			leave(relay);
			return 0;
		}
		if ((size_t)sent < length && !keep(&relay->in, turn->bytes + sent, length - (size_t)sent)) {
			broken(relay, turn, SSL_ERROR_SYSCALL, ENOMEM);
			return 0;
		}
		switch (kind) {
		case SSL_ERROR_NONE: continue;
		case SSL_ERROR_WANT_READ: relay->wants[VB_TLS_RAW] |= EPOLLIN; break;
		case SSL_ERROR_WANT_WRITE: relay->wants[VB_TLS_RAW] |= EPOLLOUT; break;
		case SSL_ERROR_ZERO_RETURN: relay->far_over = 1; break;
		default: broken(relay, turn, kind, saved); return 0;
		}
		if (relay->in.bytes) relay->wants[VB_TLS_PLAIN] |= EPOLLOUT;
		return 1;
	}
	relay->again = 1;
	return 1;
}

/* Encrypts. How much of it was taken; *kind: why not all. */
static size_t encrypt(struct vb_tls_relay *relay, const uint8_t *bytes, size_t length, int *kind, int *saved)
{
	size_t taken = 0;
	*kind = SSL_ERROR_NONE;
	while (taken < length) {
		ERR_clear_error();
		errno = 0;
		int count = SSL_write(relay->ssl, bytes + taken, (int)(length - taken));
		if (count <= 0) {
			*saved = errno;
			*kind = SSL_get_error(relay->ssl, count);
			break;
		}
		taken += (size_t)count;
	}
	return taken;
}

/* Sends that, keeps what could not be sent. 1: all has left. 0: the connection is full. -1: it has broken, which was told. */
static int send_out(struct vb_tls_relay *relay, struct vb_tls_turn *turn, const uint8_t *bytes, size_t length)
{
	struct vb_tls_rest *rest = &relay->out;
	int kind, saved = 0;
	size_t taken = encrypt(relay, bytes, length, &kind, &saved);
	if (taken == length) {
		vb_tls_forget(rest);
		return 1;
	}
	if (kind != SSL_ERROR_WANT_WRITE && kind != SSL_ERROR_WANT_READ) {
		broken(relay, turn, kind, saved);
		return -1;
	}
	relay->wants[VB_TLS_RAW] |= kind == SSL_ERROR_WANT_WRITE ? EPOLLOUT : EPOLLIN;
	if (rest->bytes) rest->from += taken;
	else if (!keep(rest, bytes + taken, length - taken)) {
		broken(relay, turn, SSL_ERROR_SYSCALL, ENOMEM);
		return -1;
	}
	return 0;
}

static int send_rest(struct vb_tls_relay *relay, struct vb_tls_turn *turn)
{
	const struct vb_tls_rest *rest = &relay->out;
	return rest->bytes ? send_out(relay, turn, rest->bytes + rest->from, rest->to - rest->from) : 1;
}

/* From the loop to the connection. */
static void pass_out(struct vb_tls_relay *relay, struct vb_tls_turn *turn)
{
	for (int round = 0; round < ROUNDS; round++) {
		if (send_rest(relay, turn) != 1) return;
		ssize_t count = recv(relay->fds[VB_TLS_PLAIN], turn->bytes, VB_TLS_TURN_BYTES, MSG_DONTWAIT);
		if (count < 0 && errno == EAGAIN) {
			relay->wants[VB_TLS_PLAIN] |= EPOLLIN;
			return;
		}
		if (count <= 0) {
			leave(relay);
			return;
		}
		if (send_out(relay, turn, turn->bytes, (size_t)count) != 1) return;
	}
	relay->again = 1;
}

/* ---- the end ---- */

void vb_tls_go_away(struct vb_tls_relay *relay, struct vb_tls_turn *turn)
{
	if (!relay->has_said_over) {
		if (send_rest(relay, turn) != 1) return;
		ERR_clear_error();
		int result = SSL_shutdown(relay->ssl);
		if (result < 0 && SSL_get_error(relay->ssl, result) == SSL_ERROR_WANT_WRITE) {
			relay->wants[VB_TLS_RAW] |= EPOLLOUT;
			return;
		}
		ERR_clear_error();
		relay->has_said_over = 1;
		shutdown(relay->fds[VB_TLS_RAW], SHUT_WR);
	}
	for (int round = 0; round < ROUNDS && !relay->far_over; round++) {
		ssize_t count = recv(relay->fds[VB_TLS_RAW], turn->bytes, VB_TLS_TURN_BYTES, MSG_DONTWAIT);
		if (count < 0 && errno == EAGAIN) break;
		if (count <= 0) relay->far_over = 1;
	}
	if (relay->far_over) vb_tls_relay_end(relay, turn);
	else relay->wants[VB_TLS_RAW] |= EPOLLIN;
}

void vb_tls_pass(struct vb_tls_relay *relay, struct vb_tls_turn *turn)
{
	if (!pass_in(relay, turn)) return;
	/* What came last has been handed on: the loop hears of the end, and may have answers yet. */
	if (relay->far_over && !relay->in.bytes && !relay->has_heard_over) {
		relay->has_heard_over = 1;
		shutdown(relay->fds[VB_TLS_PLAIN], SHUT_WR);
	}
	pass_out(relay, turn);
}
