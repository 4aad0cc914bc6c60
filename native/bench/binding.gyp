{
	"targets": [
		{
			# The load generator: an addon of its own, for a server needs none.
			"target_name": "vblade_load",
			"includes": ["../flags.gypi"],
			"sources": [
				"binding.c",
				"latency.c",
				"load.c",
				"stamps.c",
				"window.c",
				"../common/guard.c",
				"../net/interfaces.c",
				"../net/packet.c",
				"../net/xdp.c",
				"../node/node.c",
			],
		},
	],
}
