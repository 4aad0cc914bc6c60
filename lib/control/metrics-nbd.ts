/** The part of the metrics that is of clients of NBD. Used by `metrics.ts`. */

import { escaped, type Writer } from "./metrics-writer.js";

export interface NbdMetrics {
	readonly name: string;
	/** Null: it is not served over NBD. */
	readonly nbd: { readonly clientCount: number; readonly refused: number } | null;
}

export interface NbdSource {
	readonly disks: readonly NbdMetrics[];
	/** Clients that TLS came to nothing with, or that were refused behind it. */
	readonly nbdTlsRefused: number;
}

export function* aboutNbd(writer: Writer, { disks, nbdTlsRefused }: NbdSource): Iterable<void> {
	writer.family("vblade_disk_nbd_clients", "gauge", "Connections of NBD clients that use the disk.");
	for (const { name, nbd } of disks) {
		if (nbd !== null) writer.line("vblade_disk_nbd_clients", `disk="${escaped(name)}"`, nbd.clientCount);
		yield;
	}
	writer.family(
		"vblade_disk_nbd_refused",
		"counter",
		"NBD clients that asked for the disk and may not have it.",
	);
	for (const { name, nbd } of disks) {
		if (nbd !== null) writer.line("vblade_disk_nbd_refused_total", `disk="${escaped(name)}"`, nbd.refused);
		yield;
	}
	writer.family(
		"vblade_nbd_tls_refused",
		"counter",
		"Handshakes of TLS with NBD clients that came to nothing, and clients that were refused behind it.",
	);
	writer.line("vblade_nbd_tls_refused_total", "", nbdTlsRefused);
}
