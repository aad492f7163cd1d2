#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# An IOMMU that translates by first-stage tables, as CPUs do: 47 bits. (Arm's does
# so in all other suites, and by second-stage tables in suite layout.)
# lab: --kernel latest --memory 3G
# lab: --iommu intel,x-scalable-mode=on,x-flts=on
# lab: --device nvme,serial=w0 --device e1000e
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"
plan 2

"$WHERRY" bind "$(device 0)" "$(device 1)" >/dev/null

# What the kernel says of a device alone, asked by its own ioctls.
aperture()
{
	python3 - "/dev/vfio/devices/$(ls "/sys/bus/pci/devices/$(device 0)/vfio-dev")" \
		>/tmp/ranges <<'END'
import fcntl, os, struct, sys
iommu, dev = os.open("/dev/iommu", os.O_RDWR), os.open(sys.argv[1], os.O_RDWR)
def call(fd, nr, fmt, *args):
    arg = bytearray(struct.pack(fmt, *args))
    fcntl.ioctl(fd, nr, arg)
    return struct.unpack(fmt, arg)
call(dev, 0x3b76, "=IIiIQ", 24, 0, iommu, 0, 0)
ioas = call(iommu, 0x3b81, "=III", 12, 0, 0)[2]
call(dev, 0x3b77, "=III", 12, 0, ioas)
buf = bytearray(16 * 16)
addr = __import__("ctypes").addressof((__import__("ctypes").c_char * 256).from_buffer(buf))
nr = call(iommu, 0x3b84, "=IIIIQQ", 32, ioas, 16, 0, addr, 0)[2]
for i in range(nr):
    print("%x-%x" % struct.unpack_from("=QQ", buf, 16 * i))
END
	cat /tmp/ranges
	tail -n 1 /tmp/ranges | grep -q -- '-7fffffffffff$'
}

runs()
{
	boots first ids --memory 1G --device "$(device 0)" \
		--device "$(device 1)"
	said first '^config 0000:01:00.0 Device: 0x1b36 0x0010'
}

check aperture-of-47-bits aperture
check runs runs
