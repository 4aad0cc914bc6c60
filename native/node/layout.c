/* See node.h: the numbers that C and JavaScript both count on. lib/native-layout.ts has the same table, by the same names. */
#define _GNU_SOURCE
#include "node.h"

#include <unistd.h>

#include "net/packet.h"
#include "storage/engine.h"
#include "tls/relay.h"

napi_value make_layout(napi_env env)
{
	static const struct {
		const char *name;
		double number;
	} table[] = {
		{ "OPEN_READ_ONLY", VB_OPEN_READ_ONLY },
		{ "OPEN_DIRECT", VB_OPEN_DIRECT },
		{ "OPEN_SYNCED", VB_OPEN_SYNCED },
		{ "FILE_TRAITS", VB_TRAITS },
		{ "OPERATION_MAY_BORROW", VB_MAY_BORROW },
		{ "OPERATION_FUA", VB_FUA },
		{ "OPERATION_SYNC_TOO", VB_SYNC_TOO },
		{ "OPERATION_LIST", VB_LIST },
		{ "OPERATION_MAY_UNMAP", VB_MAY_UNMAP },
		{ "OPERATION_LIST_MAX", VB_LIST_MAX },
		{ "OPERATION_PENDING", VB_PENDING },
		{ "COMPLETION_FIELDS", VB_COMPLETION_FIELDS },
		{ "RESULT_SYNCED", VB_SYNCED },
		{ "RESULT_CANCELLED", VB_CANCELLED },
		{ "RESULT_SYNC_FAILED", -VB_SYNC_FAILED },
		{ "LACK_FIELDS", VB_LACK_FIELDS },
		{ "SEND_FIELDS", VB_SEND_FIELDS },
		{ "EVENT_READABLE", UV_READABLE },
		{ "EVENT_WRITABLE", UV_WRITABLE },
		{ "EVENT_FAILED", WATCH_FAILED },
		{ "TLS_UP", VB_TLS_UP },
		{ "TLS_FAILED", VB_TLS_FAILED },
		{ "TLS_BROKEN", VB_TLS_BROKEN },
		{ "TLS_OVER", VB_TLS_OVER },
		{ "CHANNEL_FILES_MAX", CHANNEL_FILES_MAX },
		{ "STREAM_PARTS_MAX", STREAM_PARTS_MAX },
		{ "files count", CHANNEL_FILES_COUNT },
		{ "files lost", CHANNEL_FILES_LOST },
		{ "files first", CHANNEL_FILES_FIRST },
		{ "kind read", VB_READ },
		{ "kind write", VB_WRITE },
		{ "kind flush", VB_FLUSH },
		{ "kind trim", VB_TRIM },
		{ "kind writeZeroes", VB_ZERO },
		{ "kind extents", VB_EXTENTS },
		{ "EXTENT_ZERO", VB_EXTENT_ZERO },
		{ "seek end", SEEK_END },
		{ "seek data", SEEK_DATA },
		{ "seek hole", SEEK_HOLE },
		{ "field kind", VB_F_KIND },
		{ "field file", VB_F_FILE },
		{ "field offset", VB_F_OFFSET },
		{ "field length", VB_F_LENGTH },
		{ "field address", VB_F_ADDRESS },
		{ "field park", VB_F_PARK },
		{ "field token", VB_F_TOKEN },
		{ "field borrowed", VB_F_BORROWED },
		{ "field count", VB_FIELDS },
	};
	napi_value layout;
	MUST(napi_create_object(env, &layout));
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) set_number(env, layout, table[i].name, table[i].number);
	return layout;
}
