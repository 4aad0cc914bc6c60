/*
 * One end of TLS, for any number of connections: certificates, keys and ciphers, understood by OpenSSL (Node's own; see ssl(7)) when the first
 * connection wants them, in the thread that has it. Made by node/tls.c, used by relay.c.
 */
#ifndef VBLADE_TLS_SIDE_H
#define VBLADE_TLS_SIDE_H

typedef struct ssl_st SSL; /* OpenSSL's, which is known to the files beside this one alone */

/* Texts: PEM, but for the last three. NULL: there is none. */
struct vb_tls_material {
	char *certificate, *key, *ca;
	char *psk;     /* lines of NAME:KEY, in hexadecimal digits */
	char *ciphers; /* of TLS 1.2, as OpenSSL names them */
	char *suites;  /* of TLS 1.3 */
};

struct vb_tls_side;

/* What a connection finds out about whoever is at its other end; its SSL points to it (SSL_get_app_data). */
struct vb_tls_peer {
	struct vb_tls_side *side;
	const char *identity; /* of a client: by which key it makes itself known; NULL: by none */
	char *named;          /* of a server: the name whose key the other end has to have; NULL: none */
	int unknown;          /* it named one that there is no key for */
	int has_shown;        /* a server that should have a key has shown a certificate */
};

/* Has the texts from now on. NULL: there is no memory. */
struct vb_tls_side *vb_tls_side_new(int is_server, const struct vb_tls_material *material);
struct vb_tls_side *vb_tls_side_keep(struct vb_tls_side *side);
void vb_tls_side_drop(struct vb_tls_side *side);

int vb_tls_is_server(const struct vb_tls_side *side);
const struct vb_tls_material *vb_tls_material(const struct vb_tls_side *side);
/* For a connection. NULL: the material is not good, OpenSSL's queue of errors says why. */
SSL *vb_tls_begin(struct vb_tls_side *side, struct vb_tls_peer *peer);

#endif
