/*
 * Memory that JavaScript and the C core share, and the clock. Called through lib/native.ts; memory is kept as long as an
 * operation may write to it (see node.h).
 */
#define _GNU_SOURCE
#include "node.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "common/guard.h"

struct instance *get_instance(napi_env env)
{
	void *instance;
	MUST(napi_get_instance_data(env, &instance));
	return instance;
}

void release_instance(struct instance *instance)
{
	if (--instance->references == 0) free(instance);
}

void unmap_kept(struct instance *instance)
{
	while (instance->kept && !(instance->is_busy && instance->is_busy(instance))) {
		struct block *block = instance->kept;
		instance->kept = block->next;
		munmap(block->data, block->length);
		free(block);
		release_instance(instance);
	}
}

static void unmap(napi_env env, void *data, void *hint)
{
	(void)env, (void)data;
	struct block *block = hint;
	struct instance *instance = block->instance;
	block->next = instance->kept;
	instance->kept = block;
	instance->references++;
	unmap_kept(instance);
	release_instance(instance);
}

/* memory(bytes): an ArrayBuffer of zeros that takes up space only where it has been touched. */
napi_value js_memory(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS], buffer;
	double bytes;
	if (!get_args(env, info, 1, args) || !get_number(env, args[0], MAX_EXACT, &bytes) || bytes < 1) return throw_type(env);
	struct instance *instance = get_instance(env);
	unmap_kept(instance);
	struct block *block = malloc(sizeof *block);
	if (!block) return throw_errno(env, ENOMEM, "memory");
	*block = (struct block){ .instance = instance, .length = (size_t)bytes };
	block->data = mmap(NULL, block->length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (block->data == MAP_FAILED) {
		free(block);
		return throw_errno(env, errno, "memory");
	}
	instance->references++;
	if (napi_create_external_arraybuffer(env, block->data, block->length, unmap, block, &buffer) != napi_ok) {
		unmap(env, block->data, block);
		return throw_errno(env, ENOMEM, "memory");
	}
	return buffer;
}

/* addressOf(Uint8Array): where its first byte is. */
napi_value js_address_of(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	size_t length;
	void *data;
	if (!get_args(env, info, 1, args) || !get_array(env, args[0], napi_uint8_array, &data, &length)) return throw_type(env);
	return make_number(env, (double)(uintptr_t)data);
}

/*
 * copy(to, from, length): false if a page of a mapping was not there. As everywhere, an address is the caller's word for
 * memory of that length; no check can tell a wrong one.
 */
napi_value js_copy(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS], result;
	double to, from, length;
	if (!get_args(env, info, 3, args) || !get_number(env, args[0], MAX_EXACT, &to) ||
	    !get_number(env, args[1], MAX_EXACT, &from) || !get_number(env, args[2], MAX_EXACT, &length))
		return throw_type(env);
	vb_guard_init();
	int error = vb_copy((void *)(uintptr_t)to, (const void *)(uintptr_t)from, (size_t)length);
	MUST(napi_get_boolean(env, error == 0, &result));
	return result;
}

/* now() -> the monotonic time in microseconds, as 32 bits that wrap: such a number is no object. */
napi_value js_now_us(napi_env env, napi_callback_info info)
{
	(void)info;
	napi_value result;
	MUST(napi_create_int32(env, (int32_t)(uint32_t)(uv_hrtime() / 1000), &result));
	return result;
}

/*
 * sinceBoot() -> microseconds, also of the time for which the machine slept (CLOCK_BOOTTIME), which no other clock that nobody
 * sets counts: for leases, which others count meanwhile.
 */
napi_value js_since_boot_us(napi_env env, napi_callback_info info)
{
	(void)info;
	struct timespec time;
	clock_gettime(CLOCK_BOOTTIME, &time);
	return make_number(env, (double)time.tv_sec * 1e6 + (double)(time.tv_nsec / 1000));
}

/* clock(Float64Array): puts the monotonic time in microseconds into its first element. A number would be an object. */
napi_value js_clock_us(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS];
	size_t length;
	double *out;
	if (!get_args(env, info, 1, args) || !get_array(env, args[0], napi_float64_array, &out, &length) || length < 1)
		return throw_type(env);
	*out = (double)uv_hrtime() / 1e3;
	return NULL;
}
