/** Waits for something, until nobody wants it any more: what comes of it then is of no interest to anybody. Used by `device.ts`. */

/** Rejects with the signal's reason as soon as that is given. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
	if (signal === undefined) return work;
	let abort = (): void => {};
	const aborted = new Promise<never>((_, reject) => {
		abort = () => reject(signal.reason);
		signal.addEventListener("abort", abort);
		if (signal.aborted) abort();
	});
	try {
		return await Promise.race([work, aborted]);
	} finally {
		signal.removeEventListener("abort", abort);
	}
}
