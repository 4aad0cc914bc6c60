/* TLS in threads (native/tls/) for JavaScript: lib/tls/threads.ts calls it. */
#include "node.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tls/thread.h"

struct thread {
	enum handle_kind kind;
	struct vb_tls_thread *thread; /* NULL: ended */
	struct watch *watch;
};

struct side {
	enum handle_kind kind;
	struct vb_tls_side *side;
};

static void end_now(struct thread *thread)
{
	if (!thread->thread) return;
	if (thread->watch) watch_close(thread->watch);
	vb_tls_thread_end(thread->thread);
	thread->thread = NULL;
}

static void finalize_thread(napi_env env, void *data, void *hint)
{
	struct thread *thread = data;
	napi_handle_scope scope;
	(void)hint;
	if (napi_open_handle_scope(env, &scope) == napi_ok) {
		end_now(thread);
		napi_close_handle_scope(env, scope);
	}
	free(thread);
}

static struct thread *get_thread(napi_env env, napi_value value)
{
	struct thread *thread = get_handle(env, value, TLS_THREAD);
	return thread && thread->thread ? thread : NULL;
}

/* tlsStart(ready) -> handle. `ready` is called when there is news: see tlsNext. */
napi_value js_tls_start(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS], handle;
	if (!get_args(env, info, 1, args) || !is_function(env, args[0])) return throw_type(env);
	struct thread *thread = calloc(1, sizeof *thread);
	if (!thread) return throw_errno(env, ENOMEM, "memory");
	thread->kind = TLS_THREAD;
	thread->thread = vb_tls_thread_start();
	int error = thread->thread ? 0 : -errno;
	if (!error) error = watch_open(env, vb_tls_thread_descriptor(thread->thread), UV_READABLE, args[0], &thread->watch);
	if (error) {
		if (thread->thread) vb_tls_thread_end(thread->thread);
		free(thread);
		return throw_errno(env, error, "thread");
	}
	MUST(napi_create_external(env, thread, finalize_thread, NULL, &handle));
	return handle;
}

/* tlsNext(handle) -> [news, id, word, word, word, word], or null. */
napi_value js_tls_next(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS], next;
	struct thread *thread;
	if (!get_args(env, info, 1, args) || !(thread = get_thread(env, args[0]))) return throw_type(env);
	struct vb_tls_message *message = vb_tls_thread_next(thread->thread);
	if (!message) {
		MUST(napi_get_null(env, &next));
		return next;
	}
	MUST(napi_create_array_with_length(env, 6, &next));
	MUST(napi_set_element(env, next, 0, make_number(env, message->news)));
	MUST(napi_set_element(env, next, 1, make_number(env, message->id)));
	for (uint32_t i = 0; i < 4; i++) {
		napi_value word;
		MUST(napi_create_string_utf8(env, message->words[i], NAPI_AUTO_LENGTH, &word));
		MUST(napi_set_element(env, next, i + 2, word));
	}
	free(message);
	return next;
}

static void finalize_side(napi_env env, void *data, void *hint)
{
	struct side *side = data;
	(void)env, (void)hint;
	vb_tls_side_drop(side->side);
	free(side);
}

/* "" is none. */
static char *text_of(napi_env env, napi_value value)
{
	char *text = get_string(env, value);
	if (text && *text) return text;
	free(text);
	return NULL;
}

/* tlsSide(isServer: 0 or 1, certificate, key, ca, psk, ciphers, suites) -> handle. "" is none. Nothing is looked at yet. */
napi_value js_tls_side(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS], handle;
	uint32_t is_server;
	if (!get_args(env, info, 7, args) || !get_uint(env, args[0], 1, &is_server)) return throw_type(env);
	struct vb_tls_material material = {
		.certificate = text_of(env, args[1]), .key = text_of(env, args[2]), .ca = text_of(env, args[3]),
		.psk = text_of(env, args[4]), .ciphers = text_of(env, args[5]), .suites = text_of(env, args[6]),
	};
	struct side *side = calloc(1, sizeof *side);
	if (side) side->side = vb_tls_side_new((int)is_server, &material);
	if (!side || !side->side) {
		free(side);
		return throw_errno(env, ENOMEM, "memory");
	}
	side->kind = TLS_SIDE;
	MUST(napi_create_external(env, side, finalize_side, NULL, &handle));
	return handle;
}

/*
 * tlsSecure(handle, id, socket, plain, side, host, identity): the thread has both descriptors from now on, unless it throws. Of a client: whom the
 * server's certificate has to name, and by which key it makes itself known; "" is nobody, and none.
 */
napi_value js_tls_secure(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct thread *thread;
	struct side *side;
	uint32_t id, raw, plain;
	if (!get_args(env, info, 7, args) || !(thread = get_thread(env, args[0])) || !get_uint(env, args[1], UINT32_MAX, &id) ||
	    !get_uint(env, args[2], INT_MAX, &raw) || !get_uint(env, args[3], INT_MAX, &plain) || raw <= STDERR_FILENO ||
	    plain <= STDERR_FILENO || !(side = get_handle(env, args[4], TLS_SIDE)))
		return throw_type(env);
	char *host = text_of(env, args[5]), *identity = text_of(env, args[6]);
	struct vb_tls_relay *relay = vb_tls_relay_new(id, (int)raw, (int)plain, vb_tls_side_keep(side->side), host, identity);
	int error = relay ? vb_tls_thread_add(thread->thread, relay) : -ENOMEM;
	free(host);
	free(identity);
	if (!error) return NULL;
	if (relay) vb_tls_relay_free(relay);
	else vb_tls_side_drop(side->side);
	return throw_errno(env, error, "memory");
}

/* tlsDrop(handle, id): that connection is ended. */
napi_value js_tls_drop(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct thread *thread;
	uint32_t id;
	if (!get_args(env, info, 2, args) || !(thread = get_thread(env, args[0])) || !get_uint(env, args[1], UINT32_MAX, &id))
		return throw_type(env);
	int error = vb_tls_thread_drop(thread->thread, id);
	return error ? throw_errno(env, error, "memory") : NULL;
}

/* tlsEnd(handle): with all its connections, of which nobody is told. May be called again. */
napi_value js_tls_end(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct thread *thread;
	if (!get_args(env, info, 1, args) || !(thread = get_handle(env, args[0], TLS_THREAD))) return throw_type(env);
	end_now(thread);
	return NULL;
}
