/* See node.h: arguments and results of functions that JavaScript calls. */
#include "node.h"

#include <stdlib.h>
#include <string.h>

napi_value throw_errno(napi_env env, int error, const char *step)
{
	napi_value message, object, number, text;
	if (error < 0) error = -error;
	MUST(napi_create_string_utf8(env, strerror(error), NAPI_AUTO_LENGTH, &message));
	MUST(napi_create_error(env, NULL, message, &object));
	MUST(napi_create_int32(env, error, &number));
	MUST(napi_set_named_property(env, object, "errno", number));
	MUST(napi_create_string_utf8(env, step, NAPI_AUTO_LENGTH, &text));
	MUST(napi_set_named_property(env, object, "step", text));
	napi_throw(env, object);
	return NULL;
}

napi_value throw_type(napi_env env)
{
	napi_throw_type_error(env, NULL, "vblade addon: wrong arguments");
	return NULL;
}

int get_args(napi_env env, napi_callback_info info, size_t want, napi_value *args)
{
	size_t count = MAX_ARGS;
	MUST(napi_get_cb_info(env, info, &count, args, NULL, NULL));
	return count >= want;
}

int get_number(napi_env env, napi_value value, double max, double *out)
{
	return napi_get_value_double(env, value, out) == napi_ok && *out >= 0 && *out <= max;
}

int get_uint(napi_env env, napi_value value, double max, uint32_t *out)
{
	double number;
	if (!get_number(env, value, max < UINT32_MAX ? max : UINT32_MAX, &number)) return 0;
	*out = (uint32_t)number;
	return *out == number;
}

void *get_handle(napi_env env, napi_value value, enum handle_kind want)
{
	void *data = NULL;
	if (napi_get_value_external(env, value, &data) != napi_ok || !data) return NULL;
	return *(const enum handle_kind *)data == want ? data : NULL;
}

int get_array(napi_env env, napi_value value, napi_typedarray_type want, void *data, size_t *length)
{
	napi_typedarray_type type;
	return napi_get_typedarray_info(env, value, &type, length, data, NULL, NULL) == napi_ok && type == want;
}

int is_function(napi_env env, napi_value value)
{
	napi_valuetype type;
	return napi_typeof(env, value, &type) == napi_ok && type == napi_function;
}

char *get_string(napi_env env, napi_value value)
{
	size_t length;
	if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok) return NULL;
	char *text = malloc(length + 1);
	if (text && (napi_get_value_string_utf8(env, value, text, length + 1, &length) != napi_ok || strlen(text) != length)) {
		free(text);
		return NULL;
	}
	return text;
}

napi_value make_number(napi_env env, double number)
{
	napi_value value;
	MUST(napi_create_double(env, number, &value));
	return value;
}

void set_number(napi_env env, napi_value object, const char *name, double number)
{
	MUST(napi_set_named_property(env, object, name, make_number(env, number)));
}

void set_boolean(napi_env env, napi_value object, const char *name, int boolean)
{
	napi_value value;
	MUST(napi_get_boolean(env, boolean != 0, &value));
	MUST(napi_set_named_property(env, object, name, value));
}
