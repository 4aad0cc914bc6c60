{
	"variables": {
		# io_uring where liburing's headers and static library are installed (Debian: liburing-dev); else worker threads.
		"have_liburing%": "<!(echo '#include <liburing.h>' | cc -E - >/dev/null 2>&1 && echo 1 || echo 0)",
	},
	"targets": [
		{
			"target_name": "vblade",
			"sources": [
				"bench/load.c",
				"bench/node-load.c",
				"common/guard.c",
				"common/privileges.c",
				"common/writer.c",
				"net/interfaces.c",
				"net/packet.c",
				"net/xdp.c",
				"node/binding.c",
				"node/engine.c",
				"node/interfaces.c",
				"node/link.c",
				"node/memory.c",
				"node/node.c",
				"node/privileges.c",
				"node/watch.c",
				"node/writer.c",
				"storage/claims.c",
				"storage/engine.c",
				"storage/file-open.c",
				"storage/file.c",
				"storage/lock.c",
				"storage/memory.c",
				"storage/pool.c",
				"storage/resident.c",
				"storage/uring.c",
				"storage/work.c",
			],
			# "storage/engine.h": what is in another folder is named with it.
			"include_dirs": ["."],
			"cflags": ["-O2", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-Wshadow", "-Wno-cast-function-type", "-fno-omit-frame-pointer"],
			# Stays loaded when a worker thread of Node's ends: the signal handler, and threads that hang in a stuck disk, outlive it.
			"ldflags": ["-Wl,-z,nodelete"],
			"conditions": [
				["have_liburing==1", { "defines": ["HAVE_LIBURING"], "libraries": ["-l:liburing.a"] }],
			],
		},
	],
}
