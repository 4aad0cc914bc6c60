/* See relay.h. */
#define _GNU_SOURCE
#include "relay.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

static const char *const NO_WORDS[4] = { "", "", "", "" };

struct vb_tls_relay *vb_tls_relay_new(uint32_t id, int raw, int plain, struct vb_tls_side *side, const char *host, const char *identity)
{
	struct vb_tls_relay *relay = calloc(1, sizeof *relay);
	if (!relay) return NULL;
	relay->id = id;
	relay->host = host ? strdup(host) : NULL;
	relay->identity = identity ? strdup(identity) : NULL;
	if ((host && !relay->host) || (identity && !relay->identity)) {
		free(relay->host);
		free(relay->identity);
		free(relay);
		return NULL;
	}
	relay->peer = (struct vb_tls_peer){ .side = side, .identity = relay->identity };
	relay->fds[VB_TLS_RAW] = raw;
	relay->fds[VB_TLS_PLAIN] = plain;
	for (int end = 0; end < VB_TLS_ENDS; end++) relay->watches[end] = (struct vb_tls_watch){ relay, (enum vb_tls_end)end, 0 };
	return relay;
}

void vb_tls_relay_end(struct vb_tls_relay *relay, struct vb_tls_turn *turn)
{
	if (relay->state == VB_TLS_ENDED) return;
	int was_up = relay->state != VB_TLS_GREETING;
	relay->state = VB_TLS_ENDED;
	vb_tls_close_end(relay, VB_TLS_RAW);
	vb_tls_close_end(relay, VB_TLS_PLAIN);
	SSL_free(relay->ssl);
	relay->ssl = NULL;
	vb_tls_forget(&relay->in);
	vb_tls_forget(&relay->out);
	if (was_up) turn->tell(turn->thread, relay, VB_TLS_OVER, NO_WORDS);
}

void vb_tls_relay_free(struct vb_tls_relay *relay)
{
	vb_tls_side_drop(relay->peer.side);
	free(relay->peer.named);
	free(relay->host);
	free(relay->identity);
	free(relay);
}

/* ---- the handshake ---- */

static void failed(struct vb_tls_relay *relay, struct vb_tls_turn *turn, const char *why)
{
	const char *const words[4] = { why, "", "", "" };
	vb_tls_relay_end(relay, turn);
	turn->tell(turn->thread, relay, VB_TLS_FAILED, words);
}

/* An address is looked for among a certificate's addresses, a name among its names, and told to the server. */
static int expect(SSL *ssl, const char *host)
{
	X509_VERIFY_PARAM *want = SSL_get0_param(ssl);
	if (X509_VERIFY_PARAM_set1_ip_asc(want, host) == 1) return 1;
	ERR_clear_error();
	X509_VERIFY_PARAM_set_hostflags(want, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return X509_VERIFY_PARAM_set1_host(want, host, 0) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

static void up(struct vb_tls_relay *relay, struct vb_tls_turn *turn)
{
	char identity[VB_TLS_WORDS], refusal[VB_TLS_WORDS];
	vb_tls_who(identity, refusal, relay->ssl, &relay->peer);
	const char *const words[4] = { SSL_get_version(relay->ssl), SSL_get_cipher_name(relay->ssl), identity, refusal };
	if (!vb_tls_is_server(relay->peer.side) && refusal[0]) {
		failed(relay, turn, refusal);
		return;
	}
	/* (Who named a key that there is none of may have had a certificate, too.) */
	relay->peer.unknown = 0;
	relay->state = VB_TLS_PASSING;
	turn->tell(turn->thread, relay, VB_TLS_UP, words);
}

static void greet(struct vb_tls_relay *relay, struct vb_tls_turn *turn)
{
	char why[VB_TLS_WORDS];
	ERR_clear_error();
	errno = 0;
	int result = SSL_do_handshake(relay->ssl), saved = errno;
	if (result == 1) {
		up(relay, turn);
		return;
	}
	switch (SSL_get_error(relay->ssl, result)) {
	case SSL_ERROR_WANT_READ: relay->wants[VB_TLS_RAW] = EPOLLIN; break;
	case SSL_ERROR_WANT_WRITE: relay->wants[VB_TLS_RAW] = EPOLLOUT; break;
	default:
		vb_tls_reason(why, relay->ssl, SSL_get_error(relay->ssl, result), saved, &relay->peer);
		failed(relay, turn, why);
	}
}

void vb_tls_relay_begin(struct vb_tls_relay *relay, struct vb_tls_turn *turn)
{
	char why[VB_TLS_WORDS];
	ERR_clear_error();
	relay->ssl = vb_tls_begin(relay->peer.side, &relay->peer);
	if (relay->ssl && SSL_set_fd(relay->ssl, relay->fds[VB_TLS_RAW]) == 1 && (!relay->host || relay->identity || expect(relay->ssl, relay->host))) {
		vb_tls_relay_go(relay, turn);
		return;
	}
	vb_tls_no_material(why);
	failed(relay, turn, why);
}

void vb_tls_relay_go(struct vb_tls_relay *relay, struct vb_tls_turn *turn)
{
	if (relay->state == VB_TLS_WAITING || relay->state == VB_TLS_ENDED) return;
	relay->wants[VB_TLS_RAW] = relay->wants[VB_TLS_PLAIN] = 0;
	relay->again = 0;
	if (relay->state == VB_TLS_GREETING) greet(relay, turn);
	if (relay->state == VB_TLS_PASSING) vb_tls_pass(relay, turn);
	if (relay->state == VB_TLS_LEAVING) vb_tls_go_away(relay, turn);
}
