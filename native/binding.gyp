{
	"variables": {
		# io_uring where liburing's headers and static library are installed (Debian: liburing-dev); else worker threads.
		"have_liburing%": "<!(echo '#include <liburing.h>' | cc -E - >/dev/null 2>&1 && echo 1 || echo 0)",
	},
	"targets": [
		{
			"target_name": "vblade",
			"sources": [
				"binding.c",
				"claims.c",
				"engine.c",
				"file-open.c",
				"file.c",
				"guard.c",
				"interfaces.c",
				"load.c",
				"lock.c",
				"memory.c",
				"node-engine.c",
				"node-interfaces.c",
				"node-link.c",
				"node-load.c",
				"node-memory.c",
				"node-privileges.c",
				"node-watch.c",
				"node-writer.c",
				"node.c",
				"packet.c",
				"pool.c",
				"privileges.c",
				"resident.c",
				"uring.c",
				"work.c",
				"writer.c",
				"xdp.c",
			],
			"cflags": ["-O2", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-Wshadow", "-Wno-cast-function-type", "-fno-omit-frame-pointer"],
			# Stays loaded when a worker thread of Node's ends: the signal handler, and threads that hang in a stuck disk, outlive it.
			"ldflags": ["-Wl,-z,nodelete"],
			"conditions": [
				["have_liburing==1", { "defines": ["HAVE_LIBURING"], "libraries": ["-l:liburing.a"] }],
			],
		},
	],
}
