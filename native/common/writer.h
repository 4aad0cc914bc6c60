/*
 * Writes text to a descriptor from a thread of its own: standard output and the log. Whoever reads them may have stopped (a
 * terminal after Ctrl-S, a pipe whose reader hangs, a file on a disk that is stuck), and a write(2) then waits for as long;
 * who puts a line here never does. What is not taken is bounded: lines beyond are lost, counted, and told of in one line when
 * the reader is back. node/writer.c gives it to JavaScript, lib/output.ts uses it.
 */
#ifndef VBLADE_WRITER_H
#define VBLADE_WRITER_H

#include <stddef.h>

struct vb_writer;

/* A writer to a copy of fd that keeps up to limit bytes. NULL and errno if there can't be one. */
struct vb_writer *vb_writer_open(int fd, size_t limit);
/* Takes text, whole lines. 0, or -ENOBUFS: it is lost, and counted. Never waits for the reader. */
int vb_writer_put(struct vb_writer *writer, const char *text, size_t length);
/* Waits until all has been written, or lost. -ETIMEDOUT if that takes longer than limit_ms. */
int vb_writer_flush(struct vb_writer *writer, unsigned limit_ms);
/* What it has taken is still written, if there is ever a reader. */
void vb_writer_close(struct vb_writer *writer);

#endif
