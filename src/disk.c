// SPDX-License-Identifier: BSD-2-Clause
/*
 * disk - owns the descriptor of a guest's disk and the lock on it, and knows
 * what the file or device wants of its users. Does no input or output.
 */
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <linux/stat.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fd.h"
#include "log.h"
#include "util.h"

#define USUAL_BLOCK 4096

static int failed(const struct disk *disk, const char *what, int r)
{
	log_err("disk %s: %s: %s", disk->spec, what, strerror(-r));
	return r;
}

static int open_failed(const struct disk *disk, int r)
{
	const char *remedy = "";

	if (r == -ENOENT)
		remedy = "; make one with truncate -s SIZE FILE";
	else if (r == -EISDIR)
		remedy = "; --share is for directories";
	else if ((r == -EACCES || r == -EROFS) && !disk->read_only)
		remedy = "; may it be written? ,ro only reads it";
	else if (r == -EBUSY)
		remedy = "; unmount it, or let go of it, first";
	else if (r == -EINVAL && disk->direct)
		remedy = "; this file system has no direct I/O: leave out "
			 ",direct";
	log_err("disk %s: opening: %s%s", disk->spec, strerror(-r), remedy);
	return r;
}

/*
 * O_NONBLOCK: a FIFO would wait for its other end. Block devices once more with
 * O_EXCL, which refuses what is mounted or otherwise in use; on files that flag
 * has no meaning.
 */
static int open_path(struct disk *disk)
{
	int flags = O_CLOEXEC | O_NOCTTY | O_NONBLOCK |
		    (disk->read_only ? O_RDONLY : O_RDWR) |
		    (disk->direct ? O_DIRECT : 0);
	struct stat st;

	if (!stat(disk->spec, &st) && S_ISBLK(st.st_mode) && !disk->read_only)
		flags |= O_EXCL;
	disk->fd = open(disk->spec, flags);
	return disk->fd < 0 ? open_failed(disk, -errno) : 0;
}

/* With it io_uring says EAGAIN where it would else wait for the disk. */
static int clear_nonblock(const struct disk *disk)
{
	int flags = fcntl(disk->fd, F_GETFL);

	if (flags < 0 || fcntl(disk->fd, F_SETFL, flags & ~O_NONBLOCK))
		return failed(disk, "clearing O_NONBLOCK", -errno);
	return 0;
}

/* What its launcher opened must do for what is asked. */
static int check_passed(struct disk *disk)
{
	int flags = fcntl(disk->fd, F_GETFL);

	if (flags < 0)
		return failed(disk, "descriptor", -errno);
	if ((flags & O_ACCMODE) == O_WRONLY ||
	    ((flags & O_ACCMODE) == O_RDONLY && !disk->read_only)) {
		log_err("disk %s: it was opened for %s only; open it for "
			"%s",
			disk->spec,
			(flags & O_ACCMODE) == O_WRONLY ? "writing" : "reading",
			disk->read_only ? "reading" : "both, or add ,ro");
		return -EACCES;
	}
	if (flags & (O_APPEND | O_PATH)) {
		log_err("disk %s: it was opened with %s; open it without",
			disk->spec, flags & O_PATH ? "O_PATH" : "O_APPEND");
		return -EINVAL;
	}
	/* Its owner may have decided that. */
	if (flags & O_DIRECT)
		disk->direct = true;
	else if (disk->direct && fcntl(disk->fd, F_SETFL, flags | O_DIRECT))
		return open_failed(disk, -errno);
	return 0;
}

/* Bytes and blocks of a block device. */
static int examine_device(struct disk *disk)
{
	unsigned int physical = 0, optimal = 0;
	int block = 0;

	if (ioctl(disk->fd, BLKGETSIZE64, &disk->bytes) ||
	    ioctl(disk->fd, BLKSSZGET, &block) ||
	    ioctl(disk->fd, BLKPBSZGET, &physical) ||
	    ioctl(disk->fd, BLKIOOPT, &optimal))
		return failed(disk, "asking for its size", -errno);
	disk->is_device = true;
	disk->block_bytes = (uint32_t)block;
	disk->physical_bytes = physical;
	disk->optimal_bytes = optimal;
	return 0;
}

/* Of a file system that does not tell: whether a sector can be read alone. */
static uint32_t try_direct(const struct disk *disk)
{
	_Alignas(USUAL_BLOCK) char buf[USUAL_BLOCK];

	return pread(disk->fd, buf, DISK_SECTOR, 0) < 0 ? USUAL_BLOCK :
							  DISK_SECTOR;
}

/* What direct I/O must be a multiple of. */
static int examine_direct(struct disk *disk)
{
	struct statx stx = { 0 };

	if (!disk->is_device)
		disk->block_bytes = try_direct(disk);
	disk->memory_align = disk->block_bytes;
	if (statx(disk->fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &stx) ||
	    !(stx.stx_mask & STATX_DIOALIGN))
		return 0;
	if (!stx.stx_dio_offset_align || !stx.stx_dio_mem_align)
		return open_failed(disk, -EINVAL);
	disk->memory_align = stx.stx_dio_mem_align;
	disk->block_bytes = MAX(stx.stx_dio_offset_align, DISK_SECTOR);
	return 0;
}

/* Behind its end a file has nothing to lose; a device knows no such place. */
static bool can_punch(const struct disk *disk)
{
	return disk->is_device ||
	       !fallocate(disk->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			  (off_t)align_up(disk->bytes, USUAL_BLOCK),
			  USUAL_BLOCK) ||
	       errno != EOPNOTSUPP;
}

static int check_size(const struct disk *disk)
{
	if (!disk->bytes) {
		log_err("disk %s: it is empty; give it a size with truncate "
			"-s SIZE",
			disk->spec);
		return -EINVAL;
	}
	if (!is_pow2(disk->block_bytes) || disk->block_bytes > DISK_MAX_BLOCK ||
	    !is_pow2(disk->memory_align) ||
	    disk->memory_align > DISK_MAX_BLOCK || disk->bytes > INT64_MAX / 2)
		return failed(disk, "no disk has such blocks", -EINVAL);
	if (!(disk->bytes % disk->block_bytes))
		return 0;
	log_err("disk %s: its %" PRIu64 " bytes are no multiple of %u%s; "
		"truncate -s %%%u rounds up",
		disk->spec, disk->bytes, disk->block_bytes,
		disk->block_bytes > DISK_SECTOR ? ", which ,direct wants here" :
						  "",
		disk->block_bytes);
	return -EINVAL;
}

static int examine(struct disk *disk)
{
	struct stat st;
	int r = 0;

	if (fstat(disk->fd, &st))
		return failed(disk, "fstat", -errno);
	disk->memory_align = 1;
	if (S_ISBLK(st.st_mode)) {
		r = examine_device(disk);
	} else if (S_ISREG(st.st_mode)) {
		disk->bytes = (uint64_t)st.st_size;
		disk->block_bytes = DISK_SECTOR;
		disk->physical_bytes = (uint32_t)st.st_blksize;
	} else {
		log_err("disk %s: neither a file nor a block device",
			disk->spec);
		return -EINVAL;
	}
	if (!r && disk->direct)
		r = examine_direct(disk);
	if (!r)
		r = check_size(disk);
	if (r)
		return r;
	if (!is_pow2(disk->physical_bytes) ||
	    disk->physical_bytes < disk->block_bytes)
		disk->physical_bytes = disk->block_bytes;
	disk->can_punch = !disk->read_only && can_punch(disk);
	return 0;
}

/*
 * Of the open file description, so that it lasts as long as the disk and holds
 * within a process, too: shared by readers, a writer's own.
 */
static int lock(const struct disk *disk)
{
	struct flock fl = {
		.l_type = disk->read_only ? F_RDLCK : F_WRLCK,
		.l_whence = SEEK_SET,
	};
	int r;

	if (!fcntl(disk->fd, F_OFD_SETLK, &fl))
		return 0;
	r = -errno;
	if (r != -EAGAIN && r != -EACCES)
		log_err("disk %s: locking: %s; lock=off does without",
			disk->spec, strerror(-r));
	else if (disk->read_only)
		log_err("disk %s: in use: another VM or --disk writes it; end "
			"that one first",
			disk->spec);
	else
		log_err("disk %s: in use: another VM or --disk has it; end "
			"that one, or let all have it with ,ro",
			disk->spec);
	return r;
}

int disk_open(struct disk **out, const struct disk_params *params)
{
	struct disk *disk = calloc(1, sizeof(*disk));
	int r;

	if (!disk || !(disk->spec = strdup(params->spec))) {
		log_err("disk %s: out of memory", params->spec);
		free(disk);
		return -ENOMEM;
	}
	disk->fd = params->fd;
	disk->read_only = params->read_only;
	disk->direct = params->direct;

	r = params->fd < 0 ? open_path(disk) : check_passed(disk);
	if (!r)
		r = examine(disk);
	if (!r)
		r = clear_nonblock(disk);
	if (!r && params->lock)
		r = lock(disk);
	if (r) {
		disk_close(disk);
		return r;
	}
	*out = disk;
	return 0;
}

void disk_close(struct disk *disk)
{
	if (!disk)
		return;
	fd_close(&disk->fd);
	free(disk->spec);
	free(disk);
}
