// SPDX-License-Identifier: BSD-2-Clause
/*
 * test-virtio-blk - requests of a driver to a block device whose disk is a real
 * file, served by its real threads; and what no driver may ask.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "capture.h"
#include "disk.h"
#include "fds.h"
#include "virtio-blk-request.h"
#include "virtio-blk.h"
#include "virtio-driver.h"
#include "virtio.h"

#define IMAGE MIB(1)
#define SECTORS (IMAGE / DISK_SECTOR)
#define UNANSWERED 0xee

static char path[64];
static struct driver_mem mem;
static struct driver driver;
static struct virtio_dev *dev;
static gpa_t header, data, status;

static int setup(void **state)
{
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "/var/tmp/wherry-blk-XXXXXX");
	fd = mkstemp(path);
	if (fd < 0 || ftruncate(fd, (off_t)IMAGE))
		return -1;
	close(fd);
	driver_mem_init(&mem);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (dev) {
		dev->ops->stop(dev);
		dev->ops->wait(dev);
		dev->ops->destroy(dev);
	}
	dev = NULL;
	driver_mem_fini(&mem);
	return unlink(path);
}

static void create(bool read_only, bool direct, unsigned int nr_queues)
{
	struct disk_params p = { .spec = path,
				 .fd = -1,
				 .read_only = read_only,
				 .direct = direct,
				 .lock = true };
	struct virtio_blk_params params = { .name = "disk0",
					    .serial = "serial",
					    .nr_queues = nr_queues };
	struct capture c;
	int r;

	assert_int_equal(disk_open(&params.disk, &p), 0);
	capture_begin(&c);
	r = virtio_blk_create(&dev, &params);
	capture_end(&c);
	if (r && strstr(c.text, "io_uring"))
		skip_because("this kernel lets nobody have io_uring");
	assert_int_equal(r, 0);
}

/* As the transport does at DRIVER_OK. */
static void begin(uint64_t features)
{
	struct virtio_queue *q = &dev->queues[0];

	dev->ram = mem.ram;
	dev->features = features;
	driver_init(&driver, &mem, 16, features);
	driver_place(&driver, &q->vq);
	assert_int_equal(virtq_start(&q->vq, mem.ram, features), 0);
	q->started = true;
	header = driver_alloc(&mem, sizeof(struct virtio_blk_outhdr), 8);
	data = driver_alloc(&mem, MIB(1), 4096);
	status = driver_alloc(&mem, 1, 1);
	dev->ops->start(dev);
}

static void create_and_begin(bool read_only)
{
	create(read_only, false, 1);
	begin(1ULL << VIRTIO_BLK_F_FLUSH);
}

static void pause_a_little(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
}

static void kick(void)
{
	uint64_t one = 1;

	assert_int_equal(write(dev->queues[0].kick_fd, &one, sizeof(one)),
			 sizeof(one));
}

/* The chain's answer: its status. */
static uint8_t submit(const struct driver_buf *bufs, unsigned int nr,
		      uint32_t *written)
{
	uint8_t *s = driver_ptr(&mem, status, 1);

	*s = UNANSWERED;
	driver_add(&driver, bufs, nr);
	kick();
	for (int i = 0; i < 25000 && !atomic_load(&dev->failed); i++) {
		if (driver_used(&driver, written) >= 0)
			return *s;
		pause_a_little();
	}
	return UNANSWERED;
}

static void put_header(uint32_t type, uint64_t sector)
{
	struct virtio_blk_outhdr h = { .type = type, .sector = sector };

	memcpy(driver_ptr(&mem, header, sizeof(h)), &h, sizeof(h));
}

/* Header, data, status, each in a segment. */
static uint8_t request(uint32_t type, uint64_t sector, uint32_t len,
		       uint32_t *written)
{
	bool in = type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_GET_ID;
	struct driver_buf bufs[3] = {
		{ header, sizeof(struct virtio_blk_outhdr), false },
		{ len ? data : status, len ? len : 1, len ? in : true },
		{ status, 1, true },
	};

	put_header(type, sector);
	return submit(bufs, len ? 3 : 2, written);
}

static uint8_t range(uint32_t type, uint64_t sector, uint32_t sectors,
		     uint32_t flags)
{
	struct virtio_blk_discard_write_zeroes seg = {
		.sector = sector,
		.num_sectors = sectors,
		.flags = flags,
	};

	memcpy(driver_ptr(&mem, data, sizeof(seg)), &seg, sizeof(seg));
	return request(type, 0, sizeof(seg), NULL);
}

static void image_read(void *buf, size_t len, off_t offset)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_int_equal(pread(fd, buf, len, offset), len);
	close(fd);
}

static uint8_t *data_ptr(void)
{
	return driver_ptr(&mem, data, MIB(1));
}

static void fill(uint8_t seed)
{
	uint8_t *p = data_ptr();

	for (unsigned int i = 0; i < 65536; i++)
		p[i] = (uint8_t)(seed + i * 7 + (i >> 8));
}

static void reads_and_writes(void **state)
{
	uint8_t want[4096], got[4096];
	uint32_t written = 99;

	(void)state;
	create_and_begin(false);
	fill(1);
	memcpy(want, data_ptr(), sizeof(want));
	assert_int_equal(request(VIRTIO_BLK_T_OUT, 3, 4096, &written), 0);
	assert_int_equal(written, 1);
	image_read(got, sizeof(got), 3 * 512);
	assert_memory_equal(got, want, sizeof(want));
	fill(9);
	assert_int_equal(request(VIRTIO_BLK_T_IN, 3, 4096, &written), 0);
	assert_int_equal(written, 4097);
	assert_memory_equal(data_ptr(), want, sizeof(want));
	assert_int_equal(request(VIRTIO_BLK_T_FLUSH, 0, 0, &written), 0);
	assert_int_equal(written, 1);
	/* The last sector, and nothing. */
	assert_int_equal(request(VIRTIO_BLK_T_IN, SECTORS - 1, 512, NULL), 0);
	assert_int_equal(request(VIRTIO_BLK_T_IN, SECTORS, 0, NULL), 0);
}

static void any_layout(void **state)
{
	struct driver_buf bufs[6] = {
		{ header, 5, false },	    { header + 5, 4, false },
		{ data, 7 + 300, false }, /* the header's end, and data */
		{ data + 307, 212, false }, { status, 1, true },
	};
	uint8_t got[512], *p;
	uint32_t written;

	(void)state;
	create_and_begin(false);
	fill(3);
	put_header(VIRTIO_BLK_T_OUT, 8);
	memcpy(data_ptr(), driver_ptr(&mem, header + 9, 7), 7);
	assert_int_equal(submit(bufs, 5, &written), 0);
	image_read(got, sizeof(got), 8 * 512);
	assert_memory_equal(got, data_ptr() + 7, 512);

	/* Data and status in one. */
	put_header(VIRTIO_BLK_T_IN, 8);
	p = driver_ptr(&mem, data + 4096, 513);
	p[512] = UNANSWERED;
	bufs[0].len = 16;
	bufs[1] = (struct driver_buf){ data + 4096, 100, true };
	bufs[2] = (struct driver_buf){ data + 4196, 413, true };
	assert_int_equal(submit(bufs, 3, &written), UNANSWERED);
	assert_int_equal(written, 513);
	assert_int_equal(p[512], 0);
	assert_memory_equal(p, got, 512);
}

static void says_its_id(void **state)
{
	uint32_t written;

	(void)state;
	create_and_begin(false);
	fill(5);
	assert_int_equal(request(VIRTIO_BLK_T_GET_ID, 0, 20, &written), 0);
	assert_int_equal(written, 21);
	assert_memory_equal(data_ptr(), "serial\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
			    20);
	/* Less room, and none. */
	fill(5);
	data_ptr()[3] = 77;
	assert_int_equal(request(VIRTIO_BLK_T_GET_ID, 0, 3, &written), 0);
	assert_int_equal(written, 4);
	assert_int_equal(data_ptr()[3], 77);
	assert_int_equal(request(VIRTIO_BLK_T_GET_ID, 0, 0, NULL), 0);
	/* What lies between it and the status is not written. */
	assert_int_equal(request(VIRTIO_BLK_T_GET_ID, 0, 64, &written), 0);
	assert_int_equal(written, 20);
}

static void ranges(void **state)
{
	uint8_t got[8192], zeros[8192] = { 0 };
	uint32_t types[] = { VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_T_WRITE_ZEROES,
			     VIRTIO_BLK_T_WRITE_ZEROES };

	(void)state;
	create_and_begin(false);
	for (unsigned int i = 0; i < 3; i++) {
		fill(7);
		assert_int_equal(request(VIRTIO_BLK_T_OUT, 0, 65536, NULL), 0);
		assert_int_equal(range(types[i], 8, 16, i == 2), 0);
		image_read(got, sizeof(got), 4096);
		assert_memory_equal(got, zeros, sizeof(got));
		image_read(got, 1, 4095);
		assert_int_not_equal(got[0], 0);
	}
	assert_int_equal(range(VIRTIO_BLK_T_DISCARD, 0, 0, 0), 0);
	assert_int_equal(range(VIRTIO_BLK_T_WRITE_ZEROES, 0, SECTORS, 0), 0);
	image_read(got, sizeof(got), 65536);
	assert_memory_equal(got, zeros, sizeof(got));
}

/* What a driver may say, and gets an error for. */
static void refused_requests(void **state)
{
	static const struct {
		uint32_t type;
		uint64_t sector;
		uint32_t len;
		uint8_t status;
	} rows[] = {
		{ VIRTIO_BLK_T_IN, SECTORS, 512, VIRTIO_BLK_S_IOERR },
		{ VIRTIO_BLK_T_IN, SECTORS - 1, 1024, VIRTIO_BLK_S_IOERR },
		{ VIRTIO_BLK_T_OUT, SECTORS, 512, VIRTIO_BLK_S_IOERR },
		{ VIRTIO_BLK_T_OUT, UINT64_MAX, 512, VIRTIO_BLK_S_IOERR },
		{ VIRTIO_BLK_T_IN, UINT64_MAX / 512, 512, VIRTIO_BLK_S_IOERR },
		{ VIRTIO_BLK_T_OUT, 1ULL << 55, 512, VIRTIO_BLK_S_IOERR },
		{ VIRTIO_BLK_T_IN, 0, 511, VIRTIO_BLK_S_IOERR },
		{ VIRTIO_BLK_T_OUT, 0, 1, VIRTIO_BLK_S_IOERR },
		{ VIRTIO_BLK_T_SECURE_ERASE, 0, 16, VIRTIO_BLK_S_UNSUPP },
		{ VIRTIO_BLK_T_SCSI_CMD, 0, 512, VIRTIO_BLK_S_UNSUPP },
		{ 0xffffffff, 0, 512, VIRTIO_BLK_S_UNSUPP },
		{ VIRTIO_BLK_T_DISCARD, 0, 32, VIRTIO_BLK_S_IOERR },
		{ VIRTIO_BLK_T_DISCARD, 0, 0, VIRTIO_BLK_S_IOERR },
		{ VIRTIO_BLK_T_WRITE_ZEROES, 0, 15, VIRTIO_BLK_S_IOERR },
	};

	uint32_t written;

	(void)state;
	create_and_begin(false);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(request(rows[i].type, rows[i].sector,
					 rows[i].len, &written),
				 rows[i].status);
		/* The status is behind room for data that were not read. */
		assert_int_equal(written, rows[i].type != VIRTIO_BLK_T_IN);
	}
	assert_int_equal(range(VIRTIO_BLK_T_DISCARD, 0, 8, 1),
			 VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(range(VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, 2),
			 VIRTIO_BLK_S_UNSUPP);
	assert_int_equal(range(VIRTIO_BLK_T_DISCARD, SECTORS, 1, 0),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(range(VIRTIO_BLK_T_DISCARD, UINT64_MAX, 1, 0),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(range(VIRTIO_BLK_T_WRITE_ZEROES, 0, UINT32_MAX, 0),
			 VIRTIO_BLK_S_IOERR);
	assert_false(atomic_load(&dev->failed));
}

static void read_only(void **state)
{
	(void)state;
	create_and_begin(true);
	assert_true(dev->offered >> VIRTIO_BLK_F_RO & 1);
	assert_false(dev->offered >> VIRTIO_BLK_F_DISCARD & 1);
	assert_int_equal(request(VIRTIO_BLK_T_IN, 0, 4096, NULL), 0);
	assert_int_equal(request(VIRTIO_BLK_T_OUT, 0, 512, NULL),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(range(VIRTIO_BLK_T_DISCARD, 0, 8, 0),
			 VIRTIO_BLK_S_IOERR);
	assert_int_equal(range(VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, 0),
			 VIRTIO_BLK_S_IOERR);
}

static void fails_with(const struct driver_buf *bufs, unsigned int nr)
{
	struct capture c;
	uint8_t r;

	create_and_begin(false);
	put_header(VIRTIO_BLK_T_IN, 0);
	capture_begin(&c);
	r = submit(bufs, nr, NULL);
	capture_end(&c);
	assert_int_equal(r, UNANSWERED);
	assert_true(atomic_load(&dev->failed));
	assert_non_null(strstr(c.text, "disk0: "));
	teardown(NULL);
	setup(NULL);
}

/* No place for an answer, or no question: the device fails, and stops. */
static void malformed_chains(void **state)
{
	struct driver_buf many[BLK_MAX_IOV + 1];

	(void)state;
	fails_with(&(struct driver_buf){ KIB(4), 16, false }, 1);
	fails_with(&(struct driver_buf){ KIB(4), 16, true }, 1);
	many[0] = (struct driver_buf){ KIB(4), 15, false };
	many[1] = (struct driver_buf){ KIB(8), 1, true };
	fails_with(many, 2);
}

static void errors_of_the_file(void **state)
{
	struct capture c;
	uint8_t r;

	(void)state;
	create_and_begin(false);
	assert_int_equal(truncate(path, 0), 0);
	capture_begin(&c);
	r = request(VIRTIO_BLK_T_IN, 16, 512, NULL);
	capture_end(&c);
	assert_int_equal(r, VIRTIO_BLK_S_IOERR);
	assert_non_null(strstr(c.text, "disk0: /var/tmp/wherry-blk-"));
	assert_non_null(strstr(c.text, "reading at byte 8192"));
	assert_false(atomic_load(&dev->failed));
}

/* Stopped, it touches nothing; started again, it goes on. */
static void stops_and_starts(void **state)
{
	(void)state;
	create_and_begin(false);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(request(VIRTIO_BLK_T_OUT, 0, 65536, NULL), 0);
		assert_false(dev->ops->stopped(dev));
		put_header(VIRTIO_BLK_T_OUT, 0);
		dev->ops->stop(dev);
		dev->ops->wait(dev);
		assert_true(dev->ops->stopped(dev));
		virtq_stop(&dev->queues[0].vq);
		driver_mem_reset(&mem);
		begin(i & 1 ? DRIVER_EVENT_IDX : 0);
	}
	assert_int_equal(request(VIRTIO_BLK_T_IN, 0, 65536, NULL), 0);
}

static void configuration(void **state)
{
	struct virtio_blk_config cfg = { 0 };
	uint8_t off = 0;

	(void)state;
	create(false, false, 4);
	assert_int_equal(dev->config_bytes, 60);
	assert_int_equal(dev->nr_queues, 4);
	dev->ops->config_read(dev, 0, &cfg, 60);
	assert_int_equal(cfg.capacity, SECTORS);
	assert_int_equal(cfg.seg_max, 126);
	assert_int_equal(cfg.blk_size, 512);
	assert_int_equal(cfg.num_queues, 4);
	assert_int_equal(cfg.wce, 1);
	assert_int_equal(cfg.max_discard_seg, 1);
	assert_int_equal(dev->offered >> VIRTIO_BLK_F_MQ & 1, 1);
	assert_int_equal(dev->offered >> VIRTIO_BLK_F_RO & 1, 0);

	/* The one byte that may be written, by those who know it. */
	dev->ops->config_write(dev, 32, &off, 1);
	dev->ops->config_write(dev, 0, &off, 1);
	dev->ops->config_read(dev, 0, &cfg, 60);
	assert_int_equal(cfg.wce, 1);
	assert_int_equal(cfg.capacity, SECTORS);
	dev->features = 1ULL << VIRTIO_BLK_F_CONFIG_WCE;
	dev->ops->config_write(dev, 32, &off, 1);
	dev->ops->config_read(dev, 0, &cfg, 60);
	assert_int_equal(cfg.wce, 0);
}

static void leaves_nothing_behind(void **state)
{
	unsigned int before = nr_fds();

	(void)state;
	create(false, false, 3);
	dev->ops->destroy(dev);
	dev = NULL;
	assert_int_equal(nr_fds(), before);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(reads_and_writes),	  T(any_layout),
		T(says_its_id),		  T(ranges),
		T(refused_requests),	  T(read_only),
		T(malformed_chains),	  T(errors_of_the_file),
		T(stops_and_starts),	  T(configuration),
		T(leaves_nothing_behind),
	};

	return run_all(tests);
}
