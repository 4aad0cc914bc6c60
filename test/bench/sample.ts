/** The figures of one run, as `measure.ts` and `fio.ts` find them and `figures.ts` weighs them. */

/** What one run of one server has shown. */
export interface Sample {
	readonly requestsPerSecond: number;
	readonly p50Us: number;
	readonly p99Us: number;
	readonly p999Us: number;
	readonly maxUs: number;
	/** Requests sent again because no answer came within 250 ms. */
	readonly lost: number;
	/** CPU seconds of the server per 100,000 requests. */
	readonly cpuPer100k: number;
	readonly residentKib: number;
}
