/*
 * The thin door between Node and the C core: lists the functions of its neighbours, which check arguments, wrap handles, share
 * memory and watch descriptors in libuv's loop. lib/native.ts is its only caller. Nothing here knows AoE. Several threads
 * of one process may each load it: there is no state but what hangs on handles.
 */
#include "node.h"

#include <errno.h>
#include <stdlib.h>

static const struct {
	const char *name;
	napi_callback function;
} functions[] = {
	{ "memory", js_memory },
	{ "addressOf", js_address_of },
	{ "copy", js_copy },
	{ "clock", js_clock_us },
	{ "now", js_now_us },
	{ "sinceBoot", js_since_boot_us },
	{ "interfaceNames", js_interface_names },
	{ "interfaceName", js_interface_name },
	{ "interfaceInfo", js_interface_info },
	{ "interfaceAsk", js_interface_ask },
	{ "interfaceHardware", js_interface_hardware },
	{ "clockState", js_clock_state },
	{ "takeName", js_take_name },
	{ "routeTo", js_route_to },
	{ "monitorOpen", js_monitor_open },
	{ "monitorNext", js_monitor_next },
	{ "monitorClose", js_monitor_close },
	{ "portOpen", js_port_open },
	{ "portUseXdp", js_port_use_xdp },
	{ "portSetFilter", js_port_set_filter },
	{ "portSend", js_port_send },
	{ "portWantWritable", js_port_want_writable },
	{ "portNext", js_port_next },
	{ "portDrops", js_port_drops },
	{ "portClose", js_port_close },
	{ "engineOpen", js_engine_open },
	{ "engineUring", js_engine_uring },
	{ "engineSubmit", js_engine_submit },
	{ "engineCancel", js_engine_cancel },
	{ "engineReap", js_engine_reap },
	{ "engineRetry", js_engine_retry },
	{ "engineClose", js_engine_close },
	{ "fileOpen", js_file_open },
	{ "fileOpenLater", js_file_open_later },
	{ "fileOpenFor", js_file_open_for },
	{ "fileLook", js_file_look },
	{ "fileAdopt", js_file_adopt },
	{ "memoryOpen", js_memory_open },
	{ "memoryMake", js_memory_make },
	{ "memoryAdopt", js_memory_adopt },
	{ "fileSizes", js_file_sizes },
	{ "fileClose", js_file_close },
	{ "fileSeek", js_file_seek },
	{ "crc32c", js_crc32c },
	{ "isZero", js_is_zero },
	{ "copyBytes", js_copy_bytes },
	{ "findUser", js_find_user },
	{ "findGroup", js_find_group },
	{ "becomeUser", js_become_user },
	{ "schedulingOf", js_scheduling_of },
	{ "schedule", js_schedule },
	{ "socketPair", js_socket_pair },
	{ "duplicate", js_duplicate },
	{ "channelOpen", js_channel_open },
	{ "channelSend", js_channel_send },
	{ "channelReceive", js_channel_receive },
	{ "channelWantWritable", js_channel_want_writable },
	{ "channelClose", js_channel_close },
	{ "streamOpen", js_stream_open },
	{ "streamReceive", js_stream_receive },
	{ "streamSend", js_stream_send },
	{ "streamWant", js_stream_want },
	{ "streamAccept", js_stream_accept },
	{ "streamClose", js_stream_close },
	{ "notify", js_notify },
	{ "writerOpen", js_writer_open },
	{ "writerPut", js_writer_put },
	{ "writerFlush", js_writer_flush },
	{ "exitIfHungUp", js_exit_if_hung_up },
	{ "streamError", js_stream_error },
	{ "tlsStart", js_tls_start },
	{ "tlsNext", js_tls_next },
	{ "tlsSide", js_tls_side },
	{ "tlsSecure", js_tls_secure },
	{ "tlsDrop", js_tls_drop },
	{ "tlsEnd", js_tls_end },
	{ "connectTcp", js_connect_tcp },
	{ "connectUnix", js_connect_unix },
	{ "listenUnix", js_listen_unix },
	{ "listenTcp", js_listen_tcp },
	{ "socketName", js_socket_name },
};

static napi_value init(napi_env env, napi_value exports)
{
	struct instance *instance = calloc(1, sizeof *instance);
	if (!instance) return throw_errno(env, ENOMEM, "memory");
	instance->references = 1;
	MUST(napi_set_instance_data(env, instance, NULL, NULL));
	MUST(napi_add_env_cleanup_hook(env, on_environment_ends, instance));
	for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
		napi_value function;
		MUST(napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].function, NULL, &function));
		MUST(napi_set_named_property(env, exports, functions[i].name, function));
	}
	MUST(napi_set_named_property(env, exports, "layout", make_layout(env)));
	return exports;
}

NAPI_MODULE(NODE_GYP_MODULE_NAME, init)
