/** The world of `world.ts` as an arena for storms. */

import { TARGET } from "./stamps.js";
import type { Arena } from "./storm.js";
import { World, type WorldOptions } from "./world.js";

export function memoryArena(options: WorldOptions): Arena {
	const world = new World(options);
	return {
		aim: { target: TARGET, mtu: options.mtu },
		referee: world.referee,
		async play(frames) {
			world.plant();
			// Time passes now and then only: requests pile up until the slots are short.
			for (const [i, frame] of frames.entries()) world.step({ frame, ticks: (i * 7) % 3 });
			await world.settle();
			world.unlock();
		},
	};
}
