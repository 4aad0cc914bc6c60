/** What a command (`command.ts`) needs of the connection that it came on: its form alone. `transmission.ts` is that. */

import type { Piece, PiecePool } from "../block/piece.js";
import type { RoomHolder, Rooms } from "../stream/rooms.js";
import type { SendQueue } from "../stream/send-queue.js";
import type { Context, NbdExport } from "./export.js";
import type { ClientUse } from "./use.js";

/** A command, for whom it came on. */
export interface HostedCommand {
	isStarving: boolean;
	advance(): void;
	cutShort(): void;
}

export interface CommandHost extends RoomHolder {
	readonly queue: SendQueue;
	readonly rooms: Rooms;
	readonly pieces: PiecePool;
	readonly exported: NbdExport;
	readonly use: ClientUse;
	readonly isStructured: boolean;
	/** What the client is told of the parts of the export. */
	readonly contexts: readonly Context[];
	/** `command.advance()` is called when there is a room, or what waits has been sent. */
	starves(command: HostedCommand): void;
	begun(piece: Piece): void;
	over(piece: Piece): void;
	/** It has been answered, and may be used again. */
	answered(command: HostedCommand): void;
	/** No sense can be given to what goes: the connection ends. */
	ended(why: string): void;
	/** Nothing more is taken, and the connection ends when what is under way has been answered. */
	ending(): void;
}
