/**
 * A part of a command that is carried out as one request of the disk: at most a room of data. Pooled, with its request. Begun by
 * `lib/nbd/command.ts` and the works of `lib/scsi/`, which are told when it is over. They keep those that are under way, to take them back.
 */

import type { Room } from "../stream/rooms.js";
import { BlockRequest, type RequestOwner } from "./request.js";

/** What a piece is of. */
export interface PieceOwner {
	pieceFinished(piece: Piece): void;
}

export class Piece implements RequestOwner {
	readonly request = new BlockRequest(this);
	command: PieceOwner | null = null;
	/** What it reads into or writes from; null: there is no data, or it has gone on. */
	room: Room | null = null;
	/** Where it is among those that are under way. */
	index = 0;

	constructor(readonly pool: PiecePool) {}

	finished(): void {
		const command = this.command!;
		command.pieceFinished(this);
		this.command = null;
		this.room = null;
		this.pool.give(this);
	}
}

/** Pieces that wait to be used again: as many as there have ever been at once. */
export class PiecePool {
	readonly #idle: Piece[] = [];

	take(command: PieceOwner): Piece {
		const piece = this.#idle.pop() ?? new Piece(this);
		piece.command = command;
		const { request } = piece;
		request.fua = false;
		request.isLent = false;
		request.mayUnmap = false;
		request.extents = null;
		request.ranges = null;
		request.guard = null;
		return piece;
	}

	give(piece: Piece): void {
		this.#idle.push(piece);
	}
}
