// A channel to control is asked for until there is one.
import t from "tap";
import { Joining } from "../../lib/daemon/joining.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";

t.test(
	"another channel is asked for until there is one, and not before one may have come by itself",
	async (t) => {
		const clock = new VirtualClock();
		let [asked, isJoined] = [0, false];
		const ask = async (): Promise<void> => {
			asked++;
			throw new Error("refused");
		};
		const joining = new Joining(() => isJoined, ask, clock);
		joining.lost();
		joining.lost();
		clock.pass(4999);
		t.equal(asked, 0);
		clock.pass(1);
		t.equal(asked, 1);
		clock.pass(10_000);
		t.equal(asked, 3, "again and again");
		isJoined = true;
		clock.pass(60_000);
		t.equal(asked, 3);
		isJoined = false;
		joining.lost();
		clock.pass(5000);
		t.equal(asked, 4, "and when that one is lost");
	},
);
