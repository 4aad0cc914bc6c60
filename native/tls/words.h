/* What has become of TLS, for people: why there is none, and who is at the other end. Used by relay.c. */
#ifndef VBLADE_TLS_WORDS_H
#define VBLADE_TLS_WORDS_H


#include "side.h"

enum { VB_TLS_WORDS = 256 };

/* Why the last call failed, by what SSL_get_error says of it and OpenSSL's queue of errors, which is empty afterwards. `saved` is errno of then. */
void vb_tls_reason(char *words, SSL *ssl, int kind, int saved, const struct vb_tls_peer *peer);
/* Why material is not good, by OpenSSL's queue of errors, which is empty afterwards. */
void vb_tls_no_material(char *words);

/*
 * Of a connection that is up: whom the other end has proved to be, "" if it has not, and why it must have nothing, "" if it may go on.
 * Of a client's that is `by` a key and the server has none of it, words are `refusal`, too.
 */
void vb_tls_who(char *identity, char *refusal, SSL *ssl, const struct vb_tls_peer *peer);

#endif
