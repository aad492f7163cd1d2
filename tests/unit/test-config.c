// SPDX-License-Identifier: BSD-2-Clause
/* test-config - command lines of run, good and bad, and what is said. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "capture.h"
#include "config.h"
#include "options.h"
#include "util.h"

#define MAX_ARGS 96

/*
 * Parses a line, split at blanks, as the arguments of run. What was said is
 * in c; the caller destroys *cfg.
 */
static int parse(const char *line, struct run_config **cfg, struct capture *c)
{
	char *copy = strdup(line);
	char *argv[MAX_ARGS + 1] = { (char *)"run" };
	int argc = 1;
	int r;

	for (char *s = strtok(copy, " "); s; s = strtok(NULL, " ")) {
		assert_true(argc < MAX_ARGS);
		argv[argc++] = s;
	}
	*cfg = NULL;
	capture_begin(c);
	r = config_parse_run(cfg, argc, argv);
	capture_end(c);
	free(copy);
	return r;
}

static struct run_config *good(const char *line)
{
	struct run_config *cfg;
	struct capture c;
	int r = parse(line, &cfg, &c);

	if (r)
		fail_msg("%s: %d: %s", line, r, c.text);
	assert_string_equal(c.text, "");
	return cfg;
}

static void defaults(void **state)
{
	struct run_config *cfg = good("--kernel k");

	(void)state;
	assert_string_equal(cfg->name, "wherry");
	assert_string_equal(cfg->kernel, "k");
	assert_null(cfg->initrd);
	assert_string_equal(cfg->append, "");
	assert_int_equal(cfg->memory.bytes, MIB(512));
	assert_int_equal(cfg->memory.hugepage_bytes, 0);
	assert_false(cfg->memory.prealloc);
	assert_int_equal(cfg->memory.thp, THP_DEFAULT);
	assert_int_equal(cfg->memory.host_node, -1);
	assert_int_equal(cfg->cpus.nr, 1);
	assert_int_equal(cfg->cpus.nr_affinity, 0);
	assert_int_equal(cfg->nr_devices, 0);
	assert_int_equal(cfg->console.kind, CONSOLE_STDIO);
	assert_int_equal(cfg->timeout_ms, 0);
	assert_int_equal(cfg->grace_ms, 30000);
	assert_int_equal(cfg->on_reboot, REBOOT_RESTART);
	assert_int_equal(cfg->on_device_error, DEVICE_ERROR_STOP);
	assert_int_equal(cfg->p2p, P2P_AUTO);
	assert_int_equal(cfg->iommufd, -1);
	assert_int_equal(cfg->kvm, -1);
	assert_false(cfg->slot_zap_all);
	assert_int_equal(cfg->sandbox, SANDBOX_ON);
	assert_false(cfg->rng);
	assert_null(cfg->stats_path);
	assert_null(cfg->result_path);
	config_destroy(cfg);
	config_destroy(NULL);
}

static void everything(void **state)
{
	struct run_config *cfg = good(
		"-k k --initrd=i --append=console=ttyS0,,x "
		"-m 4G,hugepages=2M,prealloc,host-node=1 "
		"-c8,affinity=4-6,,0 --console=unix:/run/a,,b,device=virtio --name w.1 "
		"--channel unix:/run/c,name=org.x.0 --channel=file:l,name=l "
		"--timeout 1.5m --grace 0 --on-reboot exit --p2p on --sandbox strict --kvm slot-zap-all "
		"--on-device-error ignore --rng "
		"--stats s --result r");

	(void)state;
	/* Only lists know ",,": the kernel's command line is as given. */
	assert_string_equal(cfg->append, "console=ttyS0,,x");
	assert_string_equal(cfg->initrd, "i");
	assert_int_equal(cfg->memory.bytes, GIB(4));
	assert_int_equal(cfg->memory.hugepage_bytes, MIB(2));
	assert_true(cfg->memory.prealloc);
	assert_int_equal(cfg->memory.host_node, 1);
	assert_int_equal(cfg->cpus.nr, 8);
	assert_int_equal(cfg->cpus.nr_affinity, 4);
	assert_int_equal(cfg->cpus.affinity[0], 4);
	assert_int_equal(cfg->cpus.affinity[2], 6);
	assert_int_equal(cfg->cpus.affinity[3], 0);
	assert_int_equal(cfg->console.kind, CONSOLE_UNIX);
	assert_string_equal(cfg->console.path, "/run/a,b");
	assert_true(cfg->console.is_virtio);
	assert_int_equal(cfg->nr_channels, 2);
	assert_string_equal(cfg->channels[0].path, "/run/c");
	assert_string_equal(cfg->channels[0].name, "org.x.0");
	assert_int_equal(cfg->channels[1].kind, CHANNEL_FILE);
	assert_string_equal(cfg->name, "w.1");
	assert_int_equal(cfg->timeout_ms, 90000);
	assert_int_equal(cfg->grace_ms, 0);
	assert_int_equal(cfg->on_reboot, REBOOT_EXIT);
	assert_int_equal(cfg->on_device_error, DEVICE_ERROR_IGNORE);
	assert_int_equal(cfg->p2p, P2P_ON);
	assert_int_equal(cfg->sandbox, SANDBOX_STRICT);
	assert_true(cfg->slot_zap_all);
	assert_true(cfg->rng);
	assert_string_equal(cfg->stats_path, "s");
	assert_string_equal(cfg->result_path, "r");
	config_destroy(cfg);
}

static void devices(void **state)
{
	struct run_config *cfg = good(
		"-k k -d 3B:00.0,require-reset=on,ats=on,pasid=1048575,"
		"gpudirect-clique=15,"
		"vf-token=83B8F4F2-509F-382F-3C1E-E6BFE0FA1001 "
		"--device=0001:00:1f.7,rom=off,port=31,id=net0 "
		"--device 83B8F4F2-509F-382F-3C1E-E6BFE0FA1001,x-trap-bars=on "
		"--device /sys/devices/virtual/mtty/mtty/x,,y,rom");
	const struct device_config *d = cfg->devices;

	(void)state;
	assert_int_equal(cfg->nr_devices, 4);
	assert_int_equal(d[0].kind, DEVICE_BDF);
	assert_string_equal(d[0].spec, "0000:3b:00.0");
	assert_int_equal(d[0].port, -1);
	assert_int_equal(d[0].devid, -1);
	assert_int_equal(d[0].fd, -1);
	assert_true(d[0].rom);
	assert_true(d[0].require_reset);
	assert_false(d[1].require_reset);
	assert_false(d[0].trap_bars);
	assert_null(d[0].id);
	assert_true(d[0].ats && d[0].gpudirect && d[0].has_vf_token);
	assert_int_equal(d[0].pasid, 1048575);
	assert_int_equal(d[0].gpudirect_clique, 15);
	assert_memory_equal(d[0].vf_token,
			    "\x83\xb8\xf4\xf2\x50\x9f\x38\x2f"
			    "\x3c\x1e\xe6\xbf\xe0\xfa\x10\x01",
			    16);
	assert_false(d[1].ats || d[1].gpudirect || d[1].has_vf_token);
	assert_int_equal(d[1].pasid, 0);
	assert_string_equal(d[1].spec, "0001:00:1f.7");
	assert_int_equal(d[1].port, 31);
	assert_string_equal(d[1].id, "net0");
	assert_false(d[1].rom);
	assert_int_equal(d[2].kind, DEVICE_MDEV);
	assert_string_equal(d[2].spec, "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001");
	assert_true(d[2].trap_bars);
	assert_int_equal(d[3].kind, DEVICE_SYSFS);
	assert_string_equal(d[3].spec, "/sys/devices/virtual/mtty/mtty/x,y");
	assert_true(d[3].rom);
	config_destroy(cfg);
}

static void as_many_devices_as_ports(void **state)
{
	char line[2048] = "-k k";
	struct run_config *cfg;
	struct capture c;

	(void)state;
	for (unsigned int i = 0; i < 31; i++)
		snprintf(line + strlen(line), sizeof(line) - strlen(line),
			 " -d %02x:00.0", i);
	cfg = good(line);
	assert_int_equal(cfg->nr_devices, 31);
	config_destroy(cfg);

	strcat(line, " -d 40:00.0");
	assert_int_equal(parse(line, &cfg, &c), -EINVAL);
	assert_non_null(strstr(c.text, "too many devices"));
}

static void sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} cases[] = {
		{ "16384K", MIB(16) },
		{ "16M", MIB(16) },
		{ "6G", GIB(6) },
		{ "2T", GIB(2048) },
		{ "0000000000000000000000016M", MIB(16) },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct run_config *cfg;
		char line[64];

		snprintf(line, sizeof(line), "-k k -m %s", cases[i].text);
		cfg = good(line);
		assert_int_equal(cfg->memory.bytes, cases[i].bytes);
		config_destroy(cfg);
	}
}

/* Lines that are refused, and a part of what must be said. */
static const struct {
	const char *line, *said;
} bad_lines[] = {
	{ "", "no kernel given; add --kernel FILE" },
	{ "--kernel", "--kernel: its value is missing" },
	{ "--kernel=", "--kernel: its value is missing" },
	{ "-k a -k b", "--kernel: given twice" },
	{ "-k a --kernel b", "--kernel: given twice" },
	{ "-k a b", "b: unexpected argument of run" },
	{ "-k a -", "-: unexpected argument of run" },
	{ "-k a -- --name", "--name: unexpected argument of run" },
	{ "--memroy 1G", "--memroy: run has no such option; did you mean "
			 "--memory?" },
	{ "--mem 1G", "did you mean --memory?" },
	{ "--sandbx=on", "did you mean --sandbox?" },
	{ "--hlep", "did you mean --help?" },
	{ "--xyzzy", "--xyzzy: run has no such option; see 'wherry help run'" },
	{ "--dusk x", "--dusk: run has no such option; did you mean --disk?" },
	{ "-x", "-x: run has no such option; see" },
	{ "-a x", "-a: run has no such option; did you mean --append?" },
	{ "-s x", "-s: run has no such option; see" },
	{ "--=1", "run has no such option" },

	{ "-k k -m 512", "--memory: 512: a size without a unit" },
	{ "-k k -m 512m", "--memory: 512m: not a size" },
	{ "-k k -m 512MB", "not a size" },
	{ "-k k -m -1M", "not a size" },
	{ "-k k -m 1.5G", "not a size" },
	{ "-k k -m=1G", "not a size" },
	{ "-k k -m 99999999999999999999M", "larger than any memory" },
	{ "-k k -m 18014398509481984K", "larger than any memory" },
	{ "-k k -m 16383K", "too small for a guest; at least 16M" },
	{ "-k k -m 16385K", "not a multiple of the page size, 4K" },
	{ "-k k -m 17M,hugepages=2M",
	  "not a multiple of the page size, 2048K" },
	{ "-k k -m 1536M,hugepages=1G", "not a multiple of the page size" },
	{ "-k k -m 1G,hugepages", "--memory: hugepages: its value is missing" },
	{ "-k k -m 1G,hugepages=4M", "hugepages: 4M: not one of 2M, 1G" },
	{ "-k k -m 1G,hugepages=2M,thp=on", "thp: only for ordinary pages" },
	{ "-k k -m 1G,prealloc,prealloc", "prealloc: given twice" },
	{ "-k k -m 1G,preallok", "did you mean prealloc?" },
	{ "-k k -m 1G,", "nothing follows a comma" },
	{ "-k k -m 1G,,prealloc", "1G,prealloc: not a size" },
	{ "-k k -m 1G,thp=maybe", "thp: maybe: neither on nor off" },
	{ "-k k -m 1G,host-node=1024", "host-node: 1024: out of range" },
	{ "-k k -m 1G,host-node=-1", "host-node: -1: not a number" },

	{ "-k k -c 0", "--cpus: 0: out of range; from 1 to 64" },
	{ "-k k -c 65", "--cpus: 65: out of range; from 1 to 64" },
	{ "-k k -c 4294967297", "out of range" },
	{ "-k k -c two", "--cpus: two: not a number" },
	{ "-k k -c 2,affinity=0-2", "more host CPUs than vCPUs (2)" },
	{ "-k k -c 2,affinity=1024", "affinity: 1024: out of range" },
	{ "-k k -c 2,affinity=3-2", "affinity: 2: out of range; from 3" },
	{ "-k k -c 2,affinity=1-", "affinity: : not a number" },
	{ "-k k -c 2,affinity=", "affinity: its value is missing" },
	{ "-k k -c 2,affinity=0,,", "affinity: : not a number" },
	{ "-k k -c 2,affinity=0,,,,1", "affinity: : not a number" },
	{ "-k k -c 2,affinity=0000000000000000000000000000000000001024",
	  "out of range" },
	{ "-k k -c 2,affinity", "affinity: its value is missing" },
	{ "-k k -c 2,affinity=0,1", "1: no such key; a comma within a value" },

	{ "-k k -d 3b:00", "--device: 3b:00: names no device" },
	{ "-k k -d 3b:20.0", "names no device" },
	{ "-k k -d /dev/vfio/devices/vfio0", "names no device" },
	{ "-k k -d 83b8f4f2-509f-382f-3c1e-e6bfe0fa100", "names no device" },
	{ "-k k -d 83b8f4f2-509f-382f-3c1e_e6bfe0fa1001", "names no device" },
	{ "-k k -d ", "its value is missing" },
	{ "-k k -d 3b:00.0,port=0", "port: 0: out of range; from 1 to 31" },
	{ "-k k -d 3b:00.0,port=32", "port: 32: out of range" },
	{ "-k k -d 3b:00.0,prot=3", "prot: no such key; did you mean port?" },
	{ "-k k -d 3b:00.0,rom=no", "rom: no: neither on nor off" },
	{ "-k k -d 3b:00.0,id=a/b", "id: a/b: not a name" },
	{ "-k k -d 3b:00.0,id=", "id: its value is missing" },
	{ "-k k -d 3b:00.0,port=2 -d 3c:00.0,port=2",
	  "0000:3c:00.0: port 2: taken by 0000:3b:00.0" },
	{ "-k k -d 3b:00.0,id=a -d 3c:00.0,id=a", "id a: taken by" },
	{ "-k k -d 3b:00.0 -d 0000:3B:00.0", "0000:3b:00.0: named twice" },
	{ "-k k -d 3b:00.0 -d /sys/bus/pci/devices/0000:3b:00.0/",
	  "named twice" },
	{ "-k k -d 3b:00.0,devid=1", "devid: only for fd=N" },
	{ "-k k -d 3b:00.0,pasid=0", "pasid: 0: out of range; from 1 to" },
	{ "-k k -d 3b:00.0,pasid=1048576", "pasid: 1048576: out of range" },
	{ "-k k -d 3b:00.0,gpudirect-clique=16", "16: out of range; from 0" },
	{ "-k k -d 3b:00.0,vf-token=3b:00.0", "vf-token: 3b:00.0: not a UUID" },
	{ "-k k -d 3b:00.0,vf-token", "vf-token: " },

	{ "-k k --console tty", "--console: tty: not one of stdio, file:PATH" },
	{ "-k k --console file:",
	  "--console: file: has no path; write file:PATH" },
	{ "-k k --console stdio,device=uart",
	  "device: uart: not one of serial, virtio" },
	{ "-k k --console stdio,devise=virtio", "devise: no such key" },
	{ "-k k --channel tty,name=a",
	  "--channel: tty: not one of unix:PATH, file:PATH, fd=N" },
	{ "-k k --channel unix:/a", "/a: without a name; add ,name=NAME" },
	{ "-k k --channel unix:,name=a", "unix: has no path; write unix:PATH" },
	{ "-k k --channel fd=999,name=a", "descriptor 999 is not open" },
	{ "-k k --channel unix:/a,name=a/b", "a/b: not a name" },
	{ "-k k --channel unix:/a,name=a --channel file:/b,name=a",
	  "--channel: name=a: given twice" },
	{ "-k k --console unix:/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	  "longer than the name of a socket can be" },
	{ "-k k --name .x", "--name: .x: not a name" },
	{ "-k k --name a/b", "not a name" },
	{ "-k k --timeout 1x", "--timeout: 1x: not a time" },
	{ "-k k --timeout inf", "not a time" },
	{ "-k k --timeout 0x10", "not a time" },
	{ "-k k --timeout 1e3", "not a time" },
	{ "-k k --timeout .", "not a time" },
	{ "-k k --timeout 1.2.3", "not a time" },
	{ "-k k --timeout -1", "not a time" },
	{ "-k k --grace 1ms", "--grace: 1ms: not a time" },
	{ "-k k --grace 99999999999d", "longer than a hundred years" },
	{ "-k k --p2p yes", "--p2p: yes: not one of auto, on, off" },
	{ "-k k --on-device-error halt",
	  "--on-device-error: halt: not one of stop, report, ignore" },
	{ "-k k --on-reboot halt", "--on-reboot: halt: not one of restart, "
				   "exit" },
	{ "-k k --sandbox maybe", "not one of on, strict, log, off" },
	{ "-k k --iommufd 7", "--iommufd: 7: no such key" },
	{ "-k k --iommufd fd=2", "they start at 3" },
	{ "-k k --iommufd fd=99999999999", "not a descriptor" },
	{ "-k k --kvm fd=4000", "descriptor 4000 is not open" },
	{ "-k k --kvm fd=kvm", "LISTEN_FDNAMES is not set" },
};

static void bad(void **state)
{
	unsigned int failed = 0;

	(void)state;
	unsetenv("LISTEN_FDNAMES");
	for (size_t i = 0; i < ARRAY_SIZE(bad_lines); i++) {
		struct run_config *cfg;
		struct capture c;
		int r = parse(bad_lines[i].line, &cfg, &c);
		const char *nl = strchr(c.text, '\n');

		/* One line of error, and nothing to free. */
		if (r == -EINVAL && !cfg && nl && !nl[1] &&
		    !strncmp(c.text, "wherry: ", 8) &&
		    strstr(c.text, bad_lines[i].said))
			continue;
		print_error("'%s': %d, %s, wanted %s\n", bad_lines[i].line, r,
			    c.text, bad_lines[i].said);
		failed++;
	}
	assert_int_equal(failed, 0);
}

static void help_and_version_stop_at_once(void **state)
{
	struct run_config *cfg;
	struct capture c;

	(void)state;
	assert_int_equal(parse("--help", &cfg, &c), OPTIONS_HELP);
	assert_int_equal(parse("-h", &cfg, &c), OPTIONS_HELP);
	assert_int_equal(parse("-m 1G --help --bogus", &cfg, &c), OPTIONS_HELP);
	assert_int_equal(parse("--version", &cfg, &c), OPTIONS_VERSION);
	assert_int_equal(parse("-V", &cfg, &c), OPTIONS_VERSION);
	assert_null(cfg);
	assert_string_equal(c.text, "");
	/* As the value of an option it is just a word. */
	assert_int_equal(parse("-k k --append --help", &cfg, &c), 0);
	assert_string_equal(cfg->append, "--help");
	config_destroy(cfg);
}

static void descriptors(void **state)
{
	int a = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int b = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct run_config *cfg;
	struct capture c;
	char line[128];

	(void)state;
	assert_true(a >= 3 && b >= 3);
	snprintf(line, sizeof(line), "-k k -d fd=%d,devid=5 --iommufd fd=%d", a,
		 b);
	cfg = good(line);
	assert_int_equal(cfg->devices[0].kind, DEVICE_FD);
	assert_int_equal(cfg->devices[0].fd, a);
	assert_int_equal(cfg->devices[0].devid, 5);
	assert_int_equal(cfg->iommufd, b);
	config_destroy(cfg);

	snprintf(line, sizeof(line), "-k k -d fd=%d,devid=5", a);
	assert_int_equal(parse(line, &cfg, &c), -EINVAL);
	assert_non_null(strstr(c.text, "add --iommufd fd=N"));
	snprintf(line, sizeof(line), "-k k -d fd=%d -d fd=%d", a, a);
	assert_int_equal(parse(line, &cfg, &c), -EINVAL);
	assert_non_null(strstr(c.text, "named twice"));
	snprintf(line, sizeof(line), "-k k -d fd=%d --kvm fd=%d", a, a);
	assert_int_equal(parse(line, &cfg, &c), -EINVAL);
	assert_non_null(strstr(c.text, "also the descriptor of --kvm"));
	snprintf(line, sizeof(line), "-k k --iommufd fd=%d", a);
	assert_int_equal(parse(line, &cfg, &c), -EINVAL);
	assert_non_null(strstr(c.text, "add --device"));
	snprintf(line, sizeof(line),
		 "-k k -d 3b:00.0 --iommufd fd=%d --kvm fd=%d", a, a);
	assert_int_equal(parse(line, &cfg, &c), -EINVAL);
	assert_non_null(strstr(c.text, "also the descriptor of --kvm"));
	snprintf(line, sizeof(line),
		 "-k k --channel fd=%d,name=a --channel fd=%d,name=b", a, b);
	cfg = good(line);
	assert_int_equal(cfg->channels[1].fd, b);
	config_destroy(cfg);
	snprintf(line, sizeof(line),
		 "-k k --channel fd=%d,name=a --channel fd=%d,name=b", a, a);
	assert_int_equal(parse(line, &cfg, &c), -EINVAL);
	assert_non_null(strstr(c.text, "given twice"));
	close(a);
	close(b);
}

static void descriptors_by_name(void **state)
{
	int saved = dup(3), fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct run_config *cfg;
	struct capture c;
	char pid[16];

	(void)state;
	/* The first of LISTEN_FDS is 3. */
	assert_true(dup2(fd, 3) == 3);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "3", 1);
	setenv("LISTEN_FDNAMES", "nvme:twice:twice:beyond", 1);

	cfg = good("-k k -d fd=nvme");
	assert_int_equal(cfg->devices[0].fd, 3);
	assert_string_equal(cfg->devices[0].spec, "fd=3");
	config_destroy(cfg);

	assert_int_equal(parse("-k k -d fd=twice", &cfg, &c), -EINVAL);
	assert_non_null(strstr(c.text, "more than once in LISTEN_FDNAMES"));
	assert_int_equal(parse("-k k -d fd=beyond", &cfg, &c), -EINVAL);
	assert_non_null(strstr(c.text, "not in LISTEN_FDNAMES"));
	assert_int_equal(parse("-k k -d fd=nvm", &cfg, &c), -EINVAL);
	assert_non_null(strstr(c.text, "not in LISTEN_FDNAMES"));
	setenv("LISTEN_PID", "1", 1);
	assert_int_equal(parse("-k k -d fd=nvme", &cfg, &c), -EINVAL);
	assert_non_null(strstr(c.text, "another process"));

	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (saved >= 0) {
		dup2(saved, 3);
		close(saved);
	} else {
		close(3);
	}
	if (fd != 3)
		close(fd);
}

int main(void)
{
#define T(f) cmocka_unit_test(f)
	const struct CMUnitTest tests[] = {
		T(defaults),
		T(everything),
		T(devices),
		T(as_many_devices_as_ports),
		T(sizes),
		T(bad),
		T(help_and_version_stop_at_once),
		T(descriptors),
		T(descriptors_by_name),
	};

	return run_all(tests);
}
