/* Interfaces (interfaces.h) for JavaScript: lib/link/interfaces.ts calls it. */
#include "node.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/interfaces.h"

/* interfaceNames(): the kernel's name of every interface of this network namespace. */
napi_value js_interface_names(napi_env env, napi_callback_info info)
{
	(void)info;
	napi_value list, name;
	struct if_nameindex *all = if_nameindex();
	if (!all) return throw_errno(env, errno, "interfaces");
	MUST(napi_create_array(env, &list));
	for (uint32_t i = 0; all[i].if_index != 0; i++) {
		MUST(napi_create_string_utf8(env, all[i].if_name, NAPI_AUTO_LENGTH, &name));
		MUST(napi_set_element(env, list, i, name));
	}
	if_freenameindex(all);
	return list;
}

static napi_value undefined(napi_env env)
{
	napi_value value;
	MUST(napi_get_undefined(env, &value));
	return value;
}

/* interfaceName(index): the kernel's name, or undefined if there is no such interface. Never waits. */
napi_value js_interface_name(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS], value;
	uint32_t index;
	char name[IF_NAMESIZE];
	if (!get_args(env, info, 1, args) || !get_uint(env, args[0], INT32_MAX, &index)) return throw_type(env);
	if (!if_indextoname(index, name)) return undefined(env);
	MUST(napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &value));
	return value;
}

/* All names of an interface, the kernel's own first. */
static napi_value make_names(napi_env env, const struct vb_interface *interface)
{
	napi_value list, name;
	uint32_t count = 0;
	MUST(napi_create_array(env, &list));
	MUST(napi_create_string_utf8(env, interface->name, NAPI_AUTO_LENGTH, &name));
	MUST(napi_set_element(env, list, count++, name));
	for (const char *at = NULL; (at = vb_interface_alternative(interface, at));) {
		MUST(napi_create_string_utf8(env, at, NAPI_AUTO_LENGTH, &name));
		MUST(napi_set_element(env, list, count++, name));
	}
	return list;
}

/* lib/native.ts has the fields. */
static napi_value make_info(napi_env env, const struct vb_interface *interface)
{
	napi_value object;
	double mac = 0;
	for (int i = 0; i < 6; i++) mac = mac * 256 + interface->mac[i];
	MUST(napi_create_object(env, &object));
	MUST(napi_set_named_property(env, object, "names", make_names(env, interface)));
	set_number(env, object, "index", interface->index);
	set_number(env, object, "mtu", interface->mtu);
	set_number(env, object, "mac", mac);
	set_boolean(env, object, "up", interface->up);
	set_number(env, object, "carriers", interface->carriers);
	set_number(env, object, "bridge", interface->bridge);
	set_boolean(env, object, "isMacvlan", interface->is_macvlan);
	set_boolean(env, object, "gone", interface->gone);
	set_boolean(env, object, "moved", interface->moved);
	return object;
}

/* A question about one interface, by one of its names or its index. */
struct question {
	char *name;
	uint32_t index;
	struct vb_interface_answer answer;
	int error;
	napi_async_work work;
	napi_deferred deferred;
};

static void free_question(struct question *question)
{
	if (question) free(question->name);
	free(question);
}

/* NULL with an exception pending if there is none. */
static struct question *get_question(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct question *question = calloc(1, sizeof *question);
	if (!question) throw_errno(env, ENOMEM, "memory");
	if (!question) return NULL;
	if (get_args(env, info, 1, args) &&
	    (get_uint(env, args[0], INT32_MAX, &question->index) || (question->name = get_string(env, args[0]))))
		return question;
	free_question(question);
	throw_type(env);
	return NULL;
}

static void ask(struct question *question)
{
	question->error = vb_interface_get(question->name, (int)question->index, &question->answer);
}

/* What was found, undefined if there is none, or NULL with an exception pending: the kernel could not be asked. */
static napi_value found(napi_env env, const struct question *question)
{
	if (question->error == -ENODEV) return undefined(env);
	return question->error ? throw_errno(env, question->error, "find") : make_info(env, &question->answer.interface);
}

/* interfaceInfo(name or index): what it is like, or undefined if there is none. */
napi_value js_interface_info(napi_env env, napi_callback_info info)
{
	struct question *question = get_question(env, info);
	if (!question) return NULL;
	ask(question);
	napi_value value = found(env, question);
	free_question(question);
	return value;
}

static void ask_execute(napi_env env, void *data)
{
	(void)env;
	ask(data);
}

static void ask_complete(napi_env env, napi_status status, void *data)
{
	struct question *question = data;
	if (status != napi_ok) question->error = -EINTR;
	napi_value value = found(env, question);
	if (value) napi_resolve_deferred(env, question->deferred, value);
	else if (napi_get_and_clear_last_exception(env, &value) == napi_ok) napi_reject_deferred(env, question->deferred, value);
	napi_delete_async_work(env, question->work);
	free_question(question);
}

/* interfaceAsk(name or index) -> a promise of the same, asked by another thread: the kernel may take its time. */
napi_value js_interface_ask(napi_env env, napi_callback_info info)
{
	napi_value promise, name;
	struct question *question = get_question(env, info);
	if (!question) return NULL;
	MUST(napi_create_string_utf8(env, "vblade interface", NAPI_AUTO_LENGTH, &name));
	MUST(napi_create_promise(env, &question->deferred, &promise));
	MUST(napi_create_async_work(env, NULL, name, ask_execute, ask_complete, question, &question->work));
	MUST(napi_queue_async_work(env, question->work));
	return promise;
}

struct monitor {
	enum handle_kind kind;
	struct vb_monitor core;
	struct watch *watch;
};

static void monitor_close_now(struct monitor *monitor)
{
	if (monitor->watch) watch_close(monitor->watch);
	if (monitor->core.fd >= 0) close(monitor->core.fd);
	monitor->core.fd = -1;
}

static void monitor_finalize(napi_env env, void *data, void *hint)
{
	(void)env, (void)hint;
	monitor_close_now(data);
	free(data);
}

/* monitorOpen(callback): called after any interface changed. */
napi_value js_monitor_open(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS], external;
	if (!get_args(env, info, 1, args) || !is_function(env, args[0])) return throw_type(env);
	struct monitor *monitor = calloc(1, sizeof *monitor);
	if (!monitor) return throw_errno(env, ENOMEM, "monitor");
	monitor->kind = MONITOR;
	int error = vb_monitor_open(&monitor->core);
	if (error) monitor->core.fd = -1;
	else error = watch_open(env, monitor->core.fd, UV_READABLE, args[0], &monitor->watch);
	if (error) {
		monitor_finalize(env, monitor, NULL);
		return throw_errno(env, error, "monitor");
	}
	MUST(napi_create_external(env, monitor, monitor_finalize, NULL, &external));
	return external;
}

/* monitorNext(handle): the interface that has changed next, undefined if there is no more, null if changes were lost. */
napi_value js_monitor_next(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS], value;
	struct monitor *monitor;
	struct vb_interface interface;
	if (!get_args(env, info, 1, args) || !(monitor = get_handle(env, args[0], MONITOR))) return throw_type(env);
	int outcome = monitor->core.fd < 0 ? 0 : vb_monitor_next(&monitor->core, &interface);
	if (outcome == 0) return undefined(env);
	if (outcome > 0) return make_info(env, &interface);
	MUST(napi_get_null(env, &value));
	return value;
}

napi_value js_monitor_close(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	struct monitor *monitor;
	if (!get_args(env, info, 1, args) || !(monitor = get_handle(env, args[0], MONITOR))) return throw_type(env);
	monitor_close_now(monitor);
	return NULL;
}

/* takeName(name): the descriptor of a name that no other process has. */
napi_value js_take_name(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS], number;
	char *name;
	if (!get_args(env, info, 1, args) || !(name = get_string(env, args[0]))) return throw_type(env);
	int fd = vb_take_name(name);
	free(name);
	if (fd < 0) return throw_errno(env, fd, "name");
	MUST(napi_create_int32(env, fd, &number));
	return number;
}
