/* See side.h. */
#include "side.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Records that a client has sent one behind the other come with one call. */
enum { READ_BYTES = 64 * 1024 };

struct vb_tls_side {
	atomic_uint holders;
	int is_server;
	struct vb_tls_material material;
	pthread_mutex_t lock; /* of what follows */
	SSL_CTX *context;     /* NULL: nobody has wanted it yet, or it can't be */
};

static void forget(char *secret)
{
	if (!secret) return;
	OPENSSL_cleanse(secret, strlen(secret));
	free(secret);
}

struct vb_tls_side *vb_tls_side_new(int is_server, const struct vb_tls_material *material)
{
	struct vb_tls_side *side = calloc(1, sizeof *side);
	if (!side) return NULL;
	atomic_init(&side->holders, 1);
	side->is_server = is_server;
	side->material = *material;
	pthread_mutex_init(&side->lock, NULL);
	return side;
}

struct vb_tls_side *vb_tls_side_keep(struct vb_tls_side *side)
{
	atomic_fetch_add(&side->holders, 1);
	return side;
}

void vb_tls_side_drop(struct vb_tls_side *side)
{
	if (atomic_fetch_sub(&side->holders, 1) != 1) return;
	SSL_CTX_free(side->context);
	pthread_mutex_destroy(&side->lock);
	struct vb_tls_material *texts = &side->material;
	char *all[] = { texts->certificate, texts->key, texts->ca, texts->psk, texts->ciphers, texts->suites };
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) forget(all[i]);
	free(side);
}

int vb_tls_is_server(const struct vb_tls_side *side)
{
	return side->is_server;
}

const struct vb_tls_material *vb_tls_material(const struct vb_tls_side *side)
{
	return &side->material;
}

/* ---- certificates ---- */

/* Keys that want a passphrase can't be used: nobody is there to be asked. */
static int no_passphrase(char *to, int size, int is_writing, void *data)
{
	(void)to, (void)size, (void)is_writing, (void)data;
	return -1;
}

/* Whether the certificates of a text have come to their end, and not to one that makes no sense. */
static int is_at_end(void)
{
	unsigned long error = ERR_peek_last_error();
	if (ERR_GET_LIB(error) != ERR_LIB_PEM || ERR_GET_REASON(error) != PEM_R_NO_START_LINE) return 0;
	ERR_clear_error();
	return 1;
}

static int use_certificate(SSL_CTX *context, const char *text)
{
	BIO *bio = BIO_new_mem_buf(text, -1);
	X509 *first = bio ? PEM_read_bio_X509_AUX(bio, NULL, no_passphrase, NULL) : NULL, *next;
	int good = first && SSL_CTX_use_certificate(context, first) == 1;
	while (good && (next = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL)))
		if (SSL_CTX_add0_chain_cert(context, next) != 1) {
			X509_free(next);
			good = 0;
		}
	good = good && is_at_end();
	X509_free(first);
	BIO_free(bio);
	return good;
}

static int use_key(SSL_CTX *context, const char *text)
{
	BIO *bio = BIO_new_mem_buf(text, -1);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
	int good = key && SSL_CTX_use_PrivateKey(context, key) == 1;
	EVP_PKEY_free(key);
	BIO_free(bio);
	return good;
}

/* Whose certificates are good. A server tells its clients. */
static int use_ca(SSL_CTX *context, const char *text, int is_server)
{
	X509_STORE *store = SSL_CTX_get_cert_store(context);
	BIO *bio = BIO_new_mem_buf(text, -1);
	X509 *next;
	int good = bio != NULL;
	while (good && (next = PEM_read_bio_X509_AUX(bio, NULL, no_passphrase, NULL))) {
		good = X509_STORE_add_cert(store, next) == 1;
		if (good && is_server) good = SSL_CTX_add_client_CA(context, next) == 1;
		X509_free(next);
	}
	good = good && is_at_end();
	BIO_free(bio);
	return good;
}

/* So that who is refused hears why, in the words of the protocol behind TLS: what is wrong is remembered (SSL_get_verify_result). */
static int go_on(int is_good, X509_STORE_CTX *store)
{
	(void)is_good, (void)store;
	return 1;
}

/* Whoever has a key shows no certificate. */
static int refuse(int is_good, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct vb_tls_peer *peer = SSL_get_app_data(ssl);
	(void)is_good;
	peer->has_shown = 1;
	return 0;
}

/* ---- keys that both ends have (PSK) ---- */

/* The digits behind a name, of a length; NULL: there are none. */
static const char *digits_of(const char *keys, const char *name)
{
	size_t length = strlen(name);
	for (const char *line = keys; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		if (strncmp(line, name, length) == 0 && line[length] == ':') return line + length + 1;
	return NULL;
}

static int digit(char letter)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = letter ? strchr(digits, letter | 0x20) : NULL;
	return found ? (int)(found - digits) : -1;
}

/* How long the key is; 0: there is none. */
static unsigned key_of(const struct vb_tls_side *side, const char *name, unsigned char *key, unsigned size)
{
	const char *digits = digits_of(side->material.psk, name);
	unsigned length = 0;
	for (; digits && digit(digits[0]) >= 0 && digit(digits[1]) >= 0 && length < size; digits += 2)
		key[length++] = (unsigned char)(digit(digits[0]) << 4 | digit(digits[1]));
	return length;
}

static unsigned server_key(SSL *ssl, const char *name, unsigned char *key, unsigned size)
{
	struct vb_tls_peer *peer = SSL_get_app_data(ssl);
	unsigned length = key_of(peer->side, name, key, size);
	peer->unknown = length == 0;
	if (length == 0) return 0;
	free(peer->named);
	peer->named = strdup(name);
	return peer->named ? length : 0;
}

static unsigned client_key(SSL *ssl, const char *hint, char *name, unsigned name_size, unsigned char *key, unsigned size)
{
	const struct vb_tls_peer *peer = SSL_get_app_data(ssl);
	(void)hint;
	if (!peer->identity || strlen(peer->identity) >= name_size) return 0;
	strcpy(name, peer->identity);
	return key_of(peer->side, name, key, size);
}

/* ---- all of it ---- */

static void use_keys(SSL_CTX *context, int is_server)
{
	if (is_server) SSL_CTX_set_psk_server_callback(context, server_key);
	else SSL_CTX_set_psk_client_callback(context, client_key);
}

static void set_up(SSL_CTX *context, const struct vb_tls_side *side)
{
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION);
	/* Who was somebody once may be nobody now: nothing is taken up again. Nobody makes us begin again and again. */
	SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
					     /* (The protocol behind TLS says what is whole.) */
					     SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(context, 0);
	SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_read_ahead(context, 1);
	SSL_CTX_set_default_read_buffer_len(context, READ_BYTES);
	SSL_CTX_set_dh_auto(context, 1);
	/* (OpenSSL has no names and keys of TLS 1.3 beside certificates without it.) */
	if (side->is_server) SSL_CTX_set_session_id_context(context, (const unsigned char *)"vblade", 6);
}

static int use_material(SSL_CTX *context, const struct vb_tls_side *side)
{
	const struct vb_tls_material *texts = &side->material;
	if (texts->ciphers && SSL_CTX_set_cipher_list(context, texts->ciphers) != 1) return 0;
	if (texts->suites && SSL_CTX_set_ciphersuites(context, texts->suites) != 1) return 0;
	if (texts->certificate && !use_certificate(context, texts->certificate)) return 0;
	if (texts->certificate && texts->key && !use_key(context, texts->key)) return 0;
	if (texts->ca && !use_ca(context, texts->ca, side->is_server)) return 0;
	if (texts->psk) use_keys(context, side->is_server);
	if (side->is_server) SSL_CTX_set_verify(context, texts->ca ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, go_on);
	else SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	return 1;
}

static SSL_CTX *make(const struct vb_tls_side *side)
{
	SSL_CTX *context = SSL_CTX_new(side->is_server ? TLS_server_method() : TLS_client_method());
	if (!context) return NULL;
	set_up(context, side);
	if (use_material(context, side)) return context;
	SSL_CTX_free(context);
	return NULL;
}

SSL *vb_tls_begin(struct vb_tls_side *side, struct vb_tls_peer *peer)
{
	pthread_mutex_lock(&side->lock);
	if (!side->context) side->context = make(side);
	SSL *ssl = side->context ? SSL_new(side->context) : NULL;
	pthread_mutex_unlock(&side->lock);
	if (!ssl) return NULL;
	SSL_set_app_data(ssl, peer);
	if (!side->is_server && peer->identity) SSL_set_verify(ssl, SSL_VERIFY_PEER, refuse);
	if (side->is_server) SSL_set_accept_state(ssl);
	else SSL_set_connect_state(ssl);
	return ssl;
}
