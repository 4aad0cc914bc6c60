{
	# Of both addons. "storage/engine.h": a header of another folder is named with it.
	"include_dirs": ["."],
	"cflags": ["-O2", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-Wshadow", "-Wno-cast-function-type", "-fno-omit-frame-pointer"],
	# Stays loaded when a worker thread of Node's ends: the signal handler, and threads that hang in a stuck disk, outlive it.
	"ldflags": ["-Wl,-z,nodelete"],
}
