// SPDX-License-Identifier: BSD-2-Clause
/*
 * cmd-help - owns the table of commands and everything that is said about
 * them on the command line: wherry help, wherry version, --help. The long
 * form is the manual's.
 */
#include "cmd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "options.h"
#include "util.h"

static const char run_usage[] =
	"usage: wherry run --kernel FILE [OPTION...]\n"
	"\n"
	"Runs a microVM until its guest powers off.\n"
	"\n"
	"  -k, --kernel FILE     Linux, as distributions ship it\n"
	"      --initrd FILE     initial RAM disk\n"
	"      --append STRING   the kernel's command line\n"
	"  -m, --memory SIZE[,hugepages=2M|1G][,prealloc][,thp=on|off]\n"
	"                   [,host-node=N]\n"
	"                        RAM, 512M by default\n"
	"  -c, --cpus N[,affinity=LIST]\n"
	"                        vCPUs, 1 by default, and host CPUs to bind them"
	" to\n"
	"  -d, --device SPEC[,id=NAME][,port=1..31][,rom=on|off][,devid=N]\n"
	"                   [,require-reset=on|off][,ats=on|off][,pasid=N]\n"
	"                   [,vf-token=UUID][,gpudirect-clique=0..15]\n"
	"                   [,x-trap-bars=on|off]\n"
	"                        hand a host device to the guest; SPEC is"
	" 0000:3b:00.0,\n"
	"                        the UUID of an mdev, a path below /sys, or"
	" fd=N\n"
	"      --console stdio|file:PATH|unix:PATH|off[,device=serial|virtio]\n"
	"                        where the guest's console goes, and what it is\n"
	"      --channel unix:PATH|file:PATH|fd=N,name=NAME\n"
	"                        a stream between the guest and a program\n"
	"      --disk FILE[,ro][,direct][,serial=NAME][,queues=N][,lock=on|off]\n"
	"                        a virtio disk; FILE is a raw image, a block"
	" device\n"
	"                        or fd=N\n"
	"      --rng             a virtio device that gives the guest entropy\n"
	"      --share DIR,tag=T[,ro][,cache=none|auto|always]\n"
	"                        a directory of the host as a file system\n"
	"      --name NAME       for messages and reports\n"
	"      --timeout TIME    stop the guest after this long, status 4\n"
	"      --grace TIME      between SIGTERM and a hard stop, 30s by"
	" default\n"
	"      --on-reboot restart|exit\n"
	"      --on-device-error stop|report|ignore\n"
	"      --p2p auto|on|off whether devices reach each other's BARs\n"
	"      --iommufd fd=N    use this open /dev/iommu\n"
	"      --kvm [fd=N][,slot-zap-all=on|off]\n"
	"                        use this open /dev/kvm; let KVM drop all its\n"
	"                        pages of the guest when a BAR moves\n"
	"      --sandbox strict|on|log|off\n"
	"      --stats FILE      write counters and timings as JSON\n"
	"      --result FILE     write why it ended, as JSON\n"
	"\n"
	"On a terminal, Ctrl-a x quits and Ctrl-a a sends Ctrl-a.\n"
	"Status: 0 powered off, 1 wherry failed, 2 usage, 3 guest crashed,\n"
	"4 timeout, 5 killed.\n";

static const char exec_usage[] =
	"usage: wherry exec [OPTION...] [--] [COMMAND [ARG...]]\n"
	"\n"
	"Runs a command, or a shell, in a VM of its own whose root is the"
	" host's.\n"
	"What it writes is discarded, but for directories given by --rw.\n"
	"\n"
	"      --rw DIR          the command may write there, on the host\n"
	"      --root DIR[,cache=none|auto|always]|IMAGE\n"
	"                        the guest's root, / by default\n"
	"      --overlay DIR     keep what is written elsewhere in DIR\n"
	"      --cwd DIR         where the command starts\n"
	"  -u, --user USER[:GROUP]\n"
	"                        who runs it, root by default\n"
	"      --env NAME=VALUE  beside the environment, which is passed on\n"
	"  -k, --kernel FILE|DIR|VERSION\n"
	"                        an image, a build tree, or one of"
	" /lib/modules;\n"
	"                        the running kernel by default\n"
	"      --guest-log FILE  what the guest's kernel says\n"
	"  -v, --verbose         the same to stderr, and more of it\n"
	"      --watchdog TIME   of silence, after which the guest hangs; 60s"
	" by default,\n"
	"                        0 for ever\n"
	"      --repeat N        so many times, each in a new VM, and a"
	" summary\n"
	"      --dry-run         tell what would be run\n"
	"\n"
	"and those of 'wherry run' but --console and --initrd; --cpus is all"
	" CPUs and\n"
	"--memory half of what is available by default, at most 8G.\n"
	"\n"
	"Status: the command's; 128 + N if signal N killed it; 120 the guest"
	" ran out\n"
	"of memory, 121 it hangs, 122 it did not boot, 123 it crashed, 124"
	" --timeout,\n"
	"125 wherry failed, 126 the command cannot be run, 127 there is none"
	" such.\n";

static const char devices_usage[] =
	"usage: wherry devices [--json] [--verbose] [DEVICE...]\n"
	"\n"
	"Lists the host's PCI devices: which can be handed to a guest, and "
	"which\n"
	"cannot, why, and how to mend that. DEVICE is an address, the UUID of "
	"an\n"
	"mdev, or a path below /sys.\n"
	"\n"
	"      --json            for programs\n"
	"      --verbose         bridges, too, and more about each: what a guest"
	" sees\n"
	"                        of its capabilities\n";

static const char bind_usage[] =
	"usage: wherry bind [--driver NAME] [--owner USER] [--group] [--force]"
	" BDF...\n"
	"\n"
	"Takes devices from their drivers and gives them to vfio-pci, or to the "
	"best\n"
	"match among the variant drivers. 'wherry unbind' gives them back.\n"
	"\n"
	"      --driver NAME     this driver instead\n"
	"      --owner USER      give the device's node to USER\n"
	"      --group           with every other device of its IOMMU group\n"
	"      --force           even if the host is using it\n";

static const char unbind_usage[] =
	"usage: wherry unbind [--group] [--force] BDF...\n"
	"\n"
	"Gives devices back to the drivers that 'wherry bind' took them from.\n"
	"\n"
	"      --group           with every other device of its IOMMU group\n"
	"      --force           wait for whoever holds the device; a guest of"
	" wherry's\n"
	"                        is always asked, and stopped after its"
	" --grace\n";

static const char check_usage[] =
	"usage: wherry check [--json]\n"
	"\n"
	"Tells whether this host is ready: a line for each thing that is "
	"needed, and\n"
	"how to get what is missing. Status 1 if anything is.\n"
	"\n"
	"      --json            for programs\n";

static const char help_usage[] =
	"usage: wherry help [COMMAND]\n"
	"\n"
	"Lists the commands, or tells how to use one of them.\n";

static const char version_usage[] = "usage: wherry version\n"
				    "\n"
				    "Prints the version.\n";

static const struct command commands[] = {
	{ "run", cmd_run, "run a microVM", run_usage, "wherry-run" },
	{ "exec", cmd_exec, "run a command in a VM", exec_usage,
	  "wherry-exec" },
	{ "devices", cmd_devices, "list what can be handed to a guest",
	  devices_usage, "wherry-devices" },
	{ "bind", cmd_bind, "take devices from the host", bind_usage,
	  "wherry-devices" },
	{ "unbind", cmd_unbind, "give them back", unbind_usage,
	  "wherry-devices" },
	{ "check", cmd_check, "is this host ready?", check_usage,
	  "wherry-check" },
	{ "help", cmd_help, "list the commands, or tell how to use one",
	  help_usage, "wherry" },
	{ "version", cmd_version, "print the version", version_usage,
	  "wherry" },
};

const struct command *command_find(const char *name)
{
	const char *names[ARRAY_SIZE(commands)];
	const char *near;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (!strcmp(name, commands[i].name))
			return &commands[i];
		names[i] = commands[i].name;
	}

	near = nearest_match(name, names, ARRAY_SIZE(names));
	if (near)
		log_err("%s: no such command; did you mean %s?", name, near);
	else
		log_err("%s: no such command; see 'wherry help'", name);
	return NULL;
}

static void print_usage(const struct command *command)
{
	printf("%s\n  -h, --help; -V, --version\n\nThe manual: man %s\n",
	       command->usage, command->page);
}

int cmd_answer(const char *name, int r)
{
	const struct command *command;

	if (r == OPTIONS_VERSION) {
		puts("wherry " PACKAGE_VERSION);
		return STATUS_OK;
	}
	if (r == OPTIONS_HELP) {
		command = command_find(name);
		if (!command)
			return STATUS_FAILED;
		print_usage(command);
		return STATUS_OK;
	}
	return r == -EINVAL ? STATUS_USAGE : STATUS_FAILED;
}

static void list_commands(void)
{
	puts("usage: wherry COMMAND [ARG...]\n"
	     "\n"
	     "Runs microVMs that own real PCI devices.\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %-10s%s\n", commands[i].name, commands[i].summary);
	puts("\n'wherry help COMMAND' tells more. The manual: man wherry");
}

int cmd_help(int argc, char **argv)
{
	const struct command *command;
	int nr;
	int r;

	r = options_parse(NULL, 0, argc, argv, NULL, &nr);
	if (r == OPTIONS_HELP)
		nr = 0; /* "wherry --help" */
	else if (r)
		return cmd_answer("help", r);

	if (!nr) {
		list_commands();
		return STATUS_OK;
	}
	if (nr > 1) {
		log_err("%s: unexpected argument of help; name one command",
			argv[2]);
		return STATUS_USAGE;
	}
	command = command_find(argv[1]);
	if (!command)
		return STATUS_USAGE;
	print_usage(command);
	return STATUS_OK;
}

int cmd_version(int argc, char **argv)
{
	int r = options_parse(NULL, 0, argc, argv, NULL, NULL);

	return cmd_answer("version", r ? r : OPTIONS_VERSION);
}
