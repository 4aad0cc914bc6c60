/** Why a handshake has failed, for people. Handed by `threads.ts` to its threads, which import nothing. */

/** What OpenSSL calls it, and what it means to whoever runs the server or the client. */
export const REASONS: Readonly<Record<string, string>> = {
	ERR_SSL_NO_SHARED_CIPHER: "both ends have no cipher in common",
	ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM: "both ends have no kind of signature in common",
	ERR_SSL_UNSUPPORTED_PROTOCOL: "the other end speaks no TLS that is new enough",
	ERR_SSL_WRONG_VERSION_NUMBER: "what the other end sends is no TLS",
	ERR_SSL_HTTP_REQUEST: "what the other end sends is no TLS",
	ERR_SSL_BINDER_DOES_NOT_VERIFY: "the other end has another key (PSK) by that name",
	ERR_SSL_PSK_IDENTITY_NOT_FOUND: "the key (PSK) that the other end names is not known here",
	ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC:
		"what comes can't be decrypted: another key (PSK), or damage on the way",
	ERR_TLS_CERT_ALTNAME_INVALID: "the certificate is another server's",
	DEPTH_ZERO_SELF_SIGNED_CERT: "the certificate is of no CA that is trusted here",
	SELF_SIGNED_CERT_IN_CHAIN: "the certificate is of no CA that is trusted here",
	UNABLE_TO_VERIFY_LEAF_SIGNATURE: "the certificate is of no CA that is trusted here",
	UNABLE_TO_GET_ISSUER_CERT: "the certificate is of no CA that is trusted here",
	UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "the certificate is of no CA that is trusted here",
	CERT_HAS_EXPIRED: "the certificate has expired",
	CERT_NOT_YET_VALID: "the certificate is not valid yet",
	CERT_REVOKED: "the certificate is revoked",
	INVALID_PURPOSE: "the certificate is not for this use",
};
