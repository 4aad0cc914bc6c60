// The system's clock: what is due later than a timer of Node's can be is not due at once, and with Infinity never.
import t from "tap";
import { systemClock } from "../lib/clock.js";
import { pause } from "./support/cleanup.js";

t.test("Infinity, and more than 2^31 milliseconds", async (t) => {
	const warnings: Error[] = [];
	const warned = (warning: Error): void => void warnings.push(warning);
	process.on("warning", warned);
	t.teardown(() => process.off("warning", warned));
	const called: number[] = [];
	const cancels = [Number.POSITIVE_INFINITY, 2 ** 31, 2 ** 40].map((ms) =>
		systemClock.after(ms, () => called.push(ms)),
	);
	await new Promise<void>((resolve) => {
		systemClock.after(20, resolve);
	});
	await pause(1);
	t.strictSame(called, []);
	t.strictSame(warnings, []);
	for (const cancel of cancels) cancel();
	const cancel = systemClock.after(1, () => called.push(1));
	cancel();
	await pause(10);
	t.strictSame(called, [], "one that is cancelled is not called");
});
