{
	"targets": [
		{
			"target_name": "vblade",
			"sources": ["binding.c", "engine.c", "file.c", "guard.c", "load.c", "packet.c"],
			"cflags": ["-O2", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-Wshadow", "-Wno-cast-function-type", "-fno-omit-frame-pointer"]
		}
	]
}
