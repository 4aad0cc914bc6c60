/*
 * A disk that fails on command: a file system (FUSE) with one file, "disk", whose bytes are in this program's memory and
 * whose reads, writes, syncs and attributes can each be told to fail, to take long or never to end. Started and told by
 * fault-device.ts; compiled by scripts/setup. Whoever has the file open meets the kernel's real paths, page cache included.
 *
 * usage: fault-device DIRECTORY BYTES      mounts on DIRECTORY and says "ready"; ends at the end of its standard input
 *
 * Each line on standard input is answered by a line on standard output.
 *   OPERATION ok                 read, write, sync or stat; all that was held back is done now
 *   OPERATION error ERRNO [FIRST-SECTOR SECTORS]    only requests that touch these sectors fail, if some are named
 *   OPERATION slow MILLISECONDS
 *   OPERATION stuck
 *   counts                       how many requests of each kind have come so far, and how many are held back
 */
#define FUSE_USE_VERSION 34
#include <fuse_lowlevel.h>

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define DISK_INODE 2
#define SECTOR 512u
#define FOREVER UINT64_MAX

enum operation { READ, WRITE, SYNC, STAT, OPERATIONS };
enum mode { OK, ERROR, SLOW, STUCK };
static const char *const operation_names[] = { "read", "write", "sync", "stat" };

struct fault {
	enum mode mode;
	int error;
	unsigned delay_ms;
	uint64_t begin, end; /* bytes; for ERROR */
	unsigned count;
};

/* A request that waits. */
struct held {
	struct held *next;
	fuse_req_t request;
	enum operation operation;
	fuse_ino_t inode;
	uint64_t offset;
	size_t length;
	uint8_t *data;
	uint64_t due_ms;
};

static struct fault faults[OPERATIONS];
static struct held *holding; /* in order of arrival */
static uint8_t *disk;
static uint64_t disk_bytes;

static uint64_t now_ms(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

static void describe(fuse_ino_t inode, struct stat *status)
{
	memset(status, 0, sizeof *status);
	status->st_ino = inode;
	status->st_mode = inode == DISK_INODE ? S_IFREG | 0600 : S_IFDIR | 0700;
	status->st_nlink = 1;
	status->st_size = inode == DISK_INODE ? (off_t)disk_bytes : 0;
	status->st_blocks = status->st_size / SECTOR;
}

/* What a disk in order does. */
static void carry_out(const struct held *held)
{
	struct stat status;
	uint64_t left = held->offset < disk_bytes ? disk_bytes - held->offset : 0;
	size_t length = held->length < left ? held->length : (size_t)left;
	switch (held->operation) {
	case READ: fuse_reply_buf(held->request, (char *)disk + (length ? held->offset : 0), length); return;
	case WRITE:
		if (length < held->length) {
			fuse_reply_err(held->request, EFBIG);
			return;
		}
		memcpy(disk + held->offset, held->data, length);
		fuse_reply_write(held->request, length);
		return;
	case STAT:
		describe(held->inode, &status);
		fuse_reply_attr(held->request, &status, 0);
		return;
	default: fuse_reply_err(held->request, 0); return;
	}
}

/* Answers as the operation's fault has it; 0 if the request has to wait on, until held->due_ms. */
static int answer(struct held *held)
{
	const struct fault *fault = &faults[held->operation];
	int touches = held->operation > WRITE || (held->offset < fault->end && held->offset + held->length > fault->begin);
	if (fault->mode == STUCK || (fault->mode == SLOW && now_ms() < held->due_ms)) return 0;
	if (fault->mode == ERROR && touches) fuse_reply_err(held->request, fault->error);
	else carry_out(held);
	return 1;
}

static void request(enum operation operation, fuse_req_t request, fuse_ino_t inode, const void *data, uint64_t offset,
		    size_t length)
{
	struct fault *fault = &faults[operation];
	fault->count++;
	struct held held = { .request = request, .operation = operation, .inode = inode, .offset = offset, .length = length };
	held.due_ms = fault->mode == STUCK ? FOREVER : now_ms() + fault->delay_ms;
	held.data = (uint8_t *)data;
	if (answer(&held)) return;
	struct held *kept = malloc(sizeof *kept);
	if (!kept || (data && !(held.data = malloc(length)))) exit(1);
	if (data) memcpy(held.data, data, length);
	*kept = held;
	struct held **last = &holding;
	while (*last) last = &(*last)->next;
	*last = kept;
}

/* Answers what need not wait any longer. Returns how long the next one has to, in milliseconds; -1: until told. */
static int release_held(void)
{
	uint64_t next_ms = FOREVER;
	for (struct held **link = &holding; *link;) {
		struct held *held = *link;
		if (answer(held)) {
			*link = held->next;
			free(held->data);
			free(held);
			continue;
		}
		if (held->due_ms < next_ms) next_ms = held->due_ms;
		link = &held->next;
	}
	uint64_t now = now_ms();
	if (next_ms == FOREVER) return -1;
	return next_ms > now ? (int)(next_ms - now) : 0;
}

static void on_init(void *user, struct fuse_conn_info *connection)
{
	(void)user;
	/* The page cache stays as it is when the file is looked at. */
	connection->want &= ~(unsigned)FUSE_CAP_AUTO_INVAL_DATA;
}

static void on_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param entry = { .ino = DISK_INODE, .entry_timeout = 3600 };
	if (parent != FUSE_ROOT_ID || strcmp(name, "disk") != 0) {
		fuse_reply_err(request, ENOENT);
		return;
	}
	describe(DISK_INODE, &entry.attr);
	fuse_reply_entry(request, &entry);
}

static void on_getattr(fuse_req_t req, fuse_ino_t inode, struct fuse_file_info *file)
{
	(void)file;
	request(STAT, req, inode, NULL, 0, 0);
}

static void on_open(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *file)
{
	if (inode != DISK_INODE) {
		fuse_reply_err(request, EISDIR);
		return;
	}
	file->keep_cache = 1;
	fuse_reply_open(request, file);
}

static void on_read(fuse_req_t req, fuse_ino_t inode, size_t length, off_t offset, struct fuse_file_info *file)
{
	(void)file;
	request(READ, req, inode, NULL, (uint64_t)offset, length);
}

static void on_write(fuse_req_t req, fuse_ino_t inode, const char *data, size_t length, off_t offset,
		     struct fuse_file_info *file)
{
	(void)file;
	request(WRITE, req, inode, data, (uint64_t)offset, length);
}

static void on_fsync(fuse_req_t req, fuse_ino_t inode, int data_only, struct fuse_file_info *file)
{
	(void)data_only, (void)file;
	request(SYNC, req, inode, NULL, 0, 0);
}

static const struct fuse_lowlevel_ops operations = {
	.init = on_init,
	.lookup = on_lookup,
	.getattr = on_getattr,
	.open = on_open,
	.read = on_read,
	.write = on_write,
	.fsync = on_fsync,
};

static void tell_counts(void)
{
	unsigned held = 0;
	for (struct held *each = holding; each; each = each->next) held++;
	for (int i = 0; i < OPERATIONS; i++) printf("%s %u ", operation_names[i], faults[i].count);
	printf("held %u\n", held);
}

static void obey(const char *line)
{
	char name[16] = "", mode[16] = "";
	unsigned long long number = 0, first = 0, sectors = 0;
	int words = sscanf(line, "%15s %15s %llu %llu %llu", name, mode, &number, &first, &sectors);
	int operation = 0;
	if (strcmp(name, "counts") == 0) {
		tell_counts();
		return;
	}
	while (operation < OPERATIONS && strcmp(name, operation_names[operation]) != 0) operation++;
	if (operation == OPERATIONS || words < 2) {
		printf("what? %s\n", line);
		return;
	}
	struct fault *fault = &faults[operation];
	fault->mode = strcmp(mode, "error") == 0 ? ERROR : strcmp(mode, "slow") == 0 ? SLOW : strcmp(mode, "stuck") == 0 ? STUCK : OK;
	fault->error = (int)number;
	fault->delay_ms = fault->mode == SLOW ? (unsigned)number : 0;
	fault->begin = first * SECTOR;
	fault->end = words == 5 ? (first + sectors) * SECTOR : UINT64_MAX;
	printf("done\n");
}

/* Lines from standard input; 0 at its end. */
static int read_commands(void)
{
	static char buffer[4096];
	static size_t filled;
	ssize_t n = read(0, buffer + filled, sizeof buffer - 1 - filled);
	if (n <= 0) return 0;
	filled += (size_t)n;
	buffer[filled] = '\0';
	char *line = buffer;
	for (char *end; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		obey(line);
	}
	filled -= (size_t)(line - buffer);
	memmove(buffer, line, filled);
	fflush(stdout);
	return 1;
}

static void serve(struct fuse_session *session)
{
	struct fuse_buf buffer = { .mem = NULL };
	struct pollfd fds[2] = { { .fd = fuse_session_fd(session), .events = POLLIN }, { .fd = 0, .events = POLLIN } };
	while (!fuse_session_exited(session)) {
		int wait_ms = release_held();
		if (poll(fds, 2, wait_ms) < 0 && errno != EINTR) break;
		if (fds[1].revents && !read_commands()) break;
		if (!fds[0].revents) continue;
		int n = fuse_session_receive_buf(session, &buffer);
		if (n == -EINTR) continue;
		if (n <= 0) break;
		fuse_session_process_buf(session, &buffer);
	}
	free(buffer.mem);
}

int main(int argc, char **argv)
{
	char *options[] = { argv[0], "-ofsname=fault-device,allow_other", NULL };
	struct fuse_args args = FUSE_ARGS_INIT(2, options);
	if (argc != 3) return 2;
	disk_bytes = strtoull(argv[2], NULL, 10);
	disk = mmap(NULL, disk_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (disk == MAP_FAILED) return 1;
	struct fuse_session *session = fuse_session_new(&args, &operations, sizeof operations, NULL);
	if (!session || fuse_session_mount(session, argv[1]) != 0) return 1;
	printf("ready\n");
	fflush(stdout);
	serve(session);
	/* Whatever is held back ends with an error when the connection to the kernel does. */
	fuse_session_unmount(session);
	return 0;
}
