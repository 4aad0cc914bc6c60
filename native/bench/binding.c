/* An addon of one function: the load generator (load.h). Loaded by lib/client/load-addon.ts. */
#include "node/node.h"

#include <errno.h>
#include <stdlib.h>

#include "load.h"

struct load_work {
	struct vb_load_config config;
	struct vb_load_result result;
	char *interface;
	const char *step;
	int error;
	napi_async_work work;
	napi_deferred deferred;
};

static void load_execute(napi_env env, void *data)
{
	(void)env;
	struct load_work *load = data;
	load->error = vb_load_run(&load->config, &load->result, &load->step);
}

static void load_complete(napi_env env, napi_status status, void *data)
{
	struct load_work *load = data;
	napi_value value;
	if (status == napi_ok && load->error == 0) {
		const struct vb_load_result *result = &load->result;
		MUST(napi_create_object(env, &value));
		set_number(env, value, "requests", (double)result->requests);
		set_number(env, value, "lost", (double)result->lost);
		set_number(env, value, "errors", (double)result->errors);
		set_number(env, value, "late", (double)result->late);
		set_number(env, value, "wrong", (double)result->wrong);
		set_number(env, value, "seconds", result->seconds);
		set_number(env, value, "p50Us", result->p50_us);
		set_number(env, value, "p99Us", result->p99_us);
		set_number(env, value, "p999Us", result->p999_us);
		set_number(env, value, "maxUs", result->max_us);
		napi_resolve_deferred(env, load->deferred, value);
	} else {
		throw_errno(env, load->error, load->step);
		if (napi_get_and_clear_last_exception(env, &value) == napi_ok) napi_reject_deferred(env, load->deferred, value);
	}
	napi_delete_async_work(env, load->work);
	free(load->interface);
	free(load);
}

/* An object's property that is a number, 0 or more; 0 if there is none. */
static double get_property(napi_env env, napi_value object, const char *name)
{
	napi_value value;
	double number;
	if (napi_get_named_property(env, object, name, &value) != napi_ok || !get_number(env, value, MAX_EXACT, &number)) return 0;
	return number;
}

/* The same as a whole number, at most max. */
static uint64_t get_count(napi_env env, napi_value object, const char *name, uint64_t max)
{
	uint64_t count = (uint64_t)get_property(env, object, name);
	return count < max ? count : max;
}

/* loadRun(interface, { targetMac, shelf, slot, sectors, ... }) -> a promise of the result; lib/client/load-addon.ts has the fields. */
static napi_value load_run(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS], promise, name;
	napi_valuetype type;
	char *interface;
	if (!get_args(env, info, 2, args) || napi_typeof(env, args[1], &type) != napi_ok || type != napi_object ||
	    !(interface = get_string(env, args[0])))
		return throw_type(env);
	struct load_work *load = calloc(1, sizeof *load);
	if (!load) {
		free(interface);
		return throw_errno(env, ENOMEM, "memory");
	}
	load->interface = interface;
	load->step = "thread";
	napi_value options = args[1];
	load->config = (struct vb_load_config){
		.interface = interface,
		.shelf = (uint16_t)get_count(env, options, "shelf", UINT16_MAX),
		.slot = (uint8_t)get_count(env, options, "slot", UINT8_MAX),
		.slots = (uint32_t)get_count(env, options, "slots", UINT8_MAX),
		.sectors = (uint32_t)get_count(env, options, "sectors", UINT32_MAX),
		.window = (uint32_t)get_count(env, options, "window", UINT32_MAX),
		.write_percent = (uint32_t)get_count(env, options, "writePercent", 100),
		.sequential = get_count(env, options, "sequential", 1) != 0,
		.verify = get_count(env, options, "verify", 1) != 0,
		.first_lba = get_count(env, options, "firstLba", UINT64_MAX),
		.blocks = get_count(env, options, "blocks", UINT64_MAX),
		.seconds = get_property(env, options, "seconds"),
		.requests = get_count(env, options, "requests", UINT64_MAX),
		.seed = get_count(env, options, "seed", UINT64_MAX),
	};
	if (load->config.slots == 0) load->config.slots = 1;
	uint64_t mac = get_count(env, options, "targetMac", UINT64_MAX);
	bool thrown;
	MUST(napi_is_exception_pending(env, &thrown));
	if (thrown) { /* by a getter */
		free(interface);
		free(load);
		return NULL;
	}
	for (int i = 0; i < 6; i++) load->config.target[i] = (uint8_t)(mac >> (40 - 8 * i));
	MUST(napi_create_string_utf8(env, "vblade load", NAPI_AUTO_LENGTH, &name));
	MUST(napi_create_promise(env, &load->deferred, &promise));
	MUST(napi_create_async_work(env, NULL, name, load_execute, load_complete, load, &load->work));
	MUST(napi_queue_async_work(env, load->work));
	return promise;
}

static napi_value init(napi_env env, napi_value exports)
{
	napi_value function;
	MUST(napi_create_function(env, "loadRun", NAPI_AUTO_LENGTH, load_run, NULL, &function));
	MUST(napi_set_named_property(env, exports, "loadRun", function));
	return exports;
}

NAPI_MODULE(NODE_GYP_MODULE_NAME, init)
