/**
 * What goes by on the way to an object store: a door for TCP that hands on what comes, both ways, and counts the bytes. Used by
 * `demo-objects.ts`, which so tells what was really sent, whatever store there is.
 */

import { connect, createServer, type Server } from "node:net";

export class Meter {
	/** Bytes to the store, and from it. */
	up = 0;
	down = 0;
	port = 0;
	readonly #server: Server;

	private constructor(to: number) {
		this.#server = createServer((near) => {
			const far = connect(to, "127.0.0.1");
			near.on("data", (piece) => {
				this.up += piece.length;
			});
			far.on("data", (piece) => {
				this.down += piece.length;
			});
			near.pipe(far).pipe(near);
			near.on("error", () => far.destroy()).on("close", () => far.destroy());
			far.on("error", () => near.destroy()).on("close", () => near.destroy());
		});
	}

	/** @param to a port of this machine */
	static async open(to: number): Promise<Meter> {
		const meter = new Meter(to);
		await new Promise<void>((resolve) => meter.#server.listen(0, "127.0.0.1", resolve));
		const address = meter.#server.address();
		if (typeof address === "object" && address !== null) meter.port = address.port;
		return meter;
	}

	/** Who is connected may go on until he ends. */
	close(): void {
		this.#server.close();
	}
}
