/* What `vblade doctor` asks of the machine that no file tells: lib/doctor/ calls it. */
#include "node.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/timex.h>

#include "net/hardware.h"

/*
 * interfaceHardware(name) -> { ring, pause }, either missing if the driver does not tell. Throws if the interface can't be
 * asked at all.
 */
napi_value js_interface_hardware(napi_env env, napi_callback_info info)
{
	napi_value args[MAX_ARGS], object, part;
	char *name;
	if (!get_args(env, info, 1, args) || !(name = get_string(env, args[0]))) return throw_type(env);
	struct vb_rings rings;
	struct vb_pause pause;
	int no_rings = vb_hardware_rings(name, &rings), no_pause = vb_hardware_pause(name, &pause);
	free(name);
	if (no_rings == -ENODEV) return throw_errno(env, no_rings, "find");
	MUST(napi_create_object(env, &object));
	if (!no_rings) {
		MUST(napi_create_object(env, &part));
		set_number(env, part, "receive", rings.receive);
		set_number(env, part, "receiveMax", rings.receive_max);
		set_number(env, part, "send", rings.send);
		set_number(env, part, "sendMax", rings.send_max);
		MUST(napi_set_named_property(env, object, "ring", part));
	}
	if (!no_pause) {
		MUST(napi_create_object(env, &part));
		set_boolean(env, part, "receive", pause.receive);
		set_boolean(env, part, "send", pause.send);
		MUST(napi_set_named_property(env, object, "pause", part));
	}
	return object;
}

/* clockState() -> { synchronised, errorUs }: what the kernel says of its clock (adjtimex(2)). */
napi_value js_clock_state(napi_env env, napi_callback_info info)
{
	(void)info;
	napi_value object;
	struct timex state = { .modes = 0 };
	int clock = adjtimex(&state);
	if (clock < 0) return throw_errno(env, errno, "clock");
	MUST(napi_create_object(env, &object));
	set_boolean(env, object, "synchronised", clock != TIME_ERROR && (state.status & STA_UNSYNC) == 0);
	set_number(env, object, "errorUs", (double)state.maxerror);
	return object;
}
