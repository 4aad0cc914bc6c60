/* See words.h. */
#include "words.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <string.h>

static const char HUNG_UP[] = "the other end has hung up";
static const char UNTRUSTED[] = "the certificate is of no CA that is trusted here";

/* What OpenSSL says, and what that means to whoever runs the server or the client. */
static const struct {
	int reason;
	const char *words;
} REASONS[] = {
	{ SSL_R_NO_SHARED_CIPHER, "both ends have no cipher in common" },
	{ SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, "both ends have no kind of signature in common" },
	{ SSL_R_UNSUPPORTED_PROTOCOL, "the other end speaks no TLS that is new enough" },
	{ SSL_R_WRONG_VERSION_NUMBER, "what the other end sends is no TLS" },
	{ SSL_R_HTTP_REQUEST, "what the other end sends is no TLS" },
	{ SSL_R_BINDER_DOES_NOT_VERIFY, "the other end has another key (PSK) by that name" },
	{ SSL_R_PSK_IDENTITY_NOT_FOUND, "the key (PSK) that the other end names is not known here" },
	{ SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC, "what comes can't be decrypted: another key (PSK), or damage on the way" },
	{ SSL_R_UNEXPECTED_EOF_WHILE_READING, HUNG_UP },
};

/* Of certificates (X509_STORE_CTX_get_error(3)). */
static const char *wrong_with(long result)
{
	switch (result) {
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY: return UNTRUSTED;
	case X509_V_ERR_CERT_HAS_EXPIRED: return "the certificate has expired";
	case X509_V_ERR_CERT_NOT_YET_VALID: return "the certificate is not valid yet";
	case X509_V_ERR_CERT_REVOKED: return "the certificate is revoked";
	case X509_V_ERR_INVALID_PURPOSE: return "the certificate is not for this use";
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH: return "the certificate is another server's";
	default: return X509_verify_cert_error_string(result);
	}
}

static void say(char *words, const char *what)
{
	snprintf(words, VB_TLS_WORDS, "%s", what);
}

static void say_error(char *words, unsigned long error)
{
	int reason = ERR_GET_REASON(error);
	const char *text = ERR_reason_error_string(error);
	for (size_t i = 0; i < sizeof REASONS / sizeof *REASONS; i++)
		if (ERR_GET_LIB(error) == ERR_LIB_SSL && REASONS[i].reason == reason) {
			say(words, REASONS[i].words);
			return;
		}
	if (ERR_GET_LIB(error) == ERR_LIB_SSL && reason >= SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256)
		snprintf(words, VB_TLS_WORDS, "the other end refuses: %s", SSL_alert_desc_string_long(reason - SSL_AD_REASON_OFFSET));
	else say(words, text ? text : "OpenSSL does not say why");
}

/* A server that has keys alone has nothing for who names none. */
static int lacks_key(const struct vb_tls_peer *peer, int reason)
{
	const struct vb_tls_material *material = vb_tls_material(peer->side);
	return vb_tls_is_server(peer->side) && material->psk && !material->certificate &&
	       (reason == SSL_R_NO_SHARED_CIPHER || reason == SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM);
}

void vb_tls_reason(char *words, SSL *ssl, int kind, int saved, const struct vb_tls_peer *peer)
{
	unsigned long error = ERR_peek_error();
	long verified = SSL_get_verify_result(ssl);
	if (peer->unknown) say(words, "there is no key (PSK) by the name that the other end has");
	else if (peer->has_shown) say(words, "the server knows no key (PSK) of ours, and shows a certificate");
	else if (kind == SSL_ERROR_SSL && error && ERR_GET_REASON(error) == SSL_R_CERTIFICATE_VERIFY_FAILED) say(words, wrong_with(verified));
	else if (kind == SSL_ERROR_SSL && error && lacks_key(peer, ERR_GET_REASON(error)))
		say(words, "the other end names no key (PSK), or has no cipher that goes with it, and there is no certificate here");
	else if (kind == SSL_ERROR_SSL && error) say_error(words, error);
	else if (kind == SSL_ERROR_SYSCALL && saved && saved != ECONNRESET && saved != EPIPE) say(words, strerror(saved));
	else say(words, HUNG_UP);
	ERR_clear_error();
}

void vb_tls_no_material(char *words)
{
	say_error(words, ERR_peek_error());
	ERR_clear_error();
}

/* Tickets there are none, so what is taken up is a key that both ends have. What a name without its key is good for: nothing. */
static int is_by_key(SSL *ssl)
{
	const char *cipher = SSL_get_cipher_name(ssl);
	return SSL_session_reused(ssl) || strstr(cipher, "PSK-") != NULL;
}

/* The one common name in a certificate; 0: there is none, there are several, or it is nothing that can be written down. */
static int common_name(X509 *certificate, char *name, size_t size)
{
	const X509_NAME *subject = X509_get_subject_name(certificate);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0) return 0;
	unsigned char *text;
	int length = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	if (length < 0) {
		ERR_clear_error();
		return 0;
	}
	int good = (size_t)length < size && memchr(text, 0, (size_t)length) == NULL;
	if (good) {
		memcpy(name, text, (size_t)length);
		name[length] = 0;
	}
	OPENSSL_free(text);
	return good;
}

static void who_by_certificate(char *identity, char *refusal, SSL *ssl)
{
	X509 *certificate = SSL_get0_peer_certificate(ssl);
	long verified = SSL_get_verify_result(ssl);
	char name[VB_TLS_WORDS - 4];
	if (!certificate) say(refusal, "this client has shown no certificate");
	else if (verified != X509_V_OK) snprintf(refusal, VB_TLS_WORDS, "of this client: %s", wrong_with(verified));
	else if (common_name(certificate, name, sizeof name)) snprintf(identity, VB_TLS_WORDS, "cn:%s", name);
}

void vb_tls_who(char *identity, char *refusal, SSL *ssl, const struct vb_tls_peer *peer)
{
	const struct vb_tls_material *material = vb_tls_material(peer->side);
	identity[0] = refusal[0] = 0;
	if (!vb_tls_is_server(peer->side)) {
		if (peer->identity && !is_by_key(ssl)) say(refusal, "the server knows no key (PSK) of ours");
	} else if (peer->named && is_by_key(ssl)) snprintf(identity, VB_TLS_WORDS, "psk:%s", peer->named);
	else if (material->ca) who_by_certificate(identity, refusal, ssl);
	else if (material->psk) say(refusal, "this client has no key (PSK) of this server");
}
