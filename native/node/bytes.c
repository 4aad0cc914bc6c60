/* What is done to bytes that JavaScript has: summed (storage/crc32c.h), copied, found to be zero. For lib/crc32c.ts and lib/pool/bytes.ts. */
#include "node.h"

#include "common/guard.h"
#include "storage/crc32c.h"
#include "storage/zero.h"

/* The bytes of a Uint8Array from an offset on, which is the argument behind it; how many there are. */
static int get_bytes(napi_env env, const napi_value *args, uint8_t **bytes, size_t *length)
{
	uint32_t offset;
	if (!get_array(env, args[0], napi_uint8_array, bytes, length) || !get_uint(env, args[1], (double)*length, &offset)) return 0;
	*bytes += offset;
	*length -= offset;
	return 1;
}

/* Some of those: so many as the third argument says. */
static int get_range(napi_env env, const napi_value *args, uint8_t **bytes, uint32_t *length)
{
	size_t there;
	return get_bytes(env, args, bytes, &there) && get_uint(env, args[2], (double)there, length);
}

/* crc32c(Uint8Array, offset, length, crc) -> the sum as an Int32: larger numbers would be objects. */
napi_value js_crc32c(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS], result;
	uint8_t *bytes;
	uint32_t length;
	int32_t crc;
	if (!get_args(env, info, 4, args) || !get_range(env, args, &bytes, &length) ||
	    napi_get_value_int32(env, args[3], &crc) != napi_ok)
		return throw_type(env);
	MUST(napi_create_int32(env, (int32_t)vb_crc32c((uint32_t)crc, bytes, length), &result));
	return result;
}

/* isZero(Uint8Array, offset, length) -> whether all of them are 0 */
napi_value js_is_zero(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS], result;
	uint8_t *bytes;
	uint32_t length;
	if (!get_args(env, info, 3, args) || !get_range(env, args, &bytes, &length)) return throw_type(env);
	MUST(napi_get_boolean(env, vb_is_zero(bytes, length), &result));
	return result;
}

/* copyBytes(to Uint8Array, offset, from Uint8Array, offset, length): see vb_copy. */
napi_value js_copy_bytes(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS], result;
	uint8_t *to, *from;
	size_t room;
	uint32_t length;
	if (!get_args(env, info, 5, args) || !get_bytes(env, args, &to, &room) || !get_range(env, args + 2, &from, &length) || length > room)
		return throw_type(env);
	vb_guard_init();
	MUST(napi_get_boolean(env, vb_copy(to, from, length) == 0, &result));
	return result;
}
