#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The virtio console on a terminal, and channels to programs of the host.
# lab-seconds: 150
# lab: --kernel any --arch any --memory 2G
# shellcheck source=tests/lab/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/lab/guest.sh
. "$(dirname "$0")/../guest.sh"

# At a terminal of 100 by 30, which becomes one of 81 by 25 when the guest has
# told its size; then a line is typed, and the escape.
at_a_terminal()
{
	initrd hvc >/dev/null
	python3 - "$LAB_OUT/hvc.out" "$WHERRY" run --kernel "$LAB_KERNEL" \
		--initrd /tmp/hvc.cpio --append 'quiet panic=-1 console=hvc0' \
		--console stdio,device=virtio --timeout 120 <<-'END'
		import fcntl, os, pty, struct, sys, termios

		def resize(rows, cols):
		    size = struct.pack("HHHH", rows, cols, 0, 0)
		    fcntl.ioctl(fd, termios.TIOCSWINSZ, size)

		steps = [(b"size 30 100", lambda: resize(25, 81)),
		         (b"resized 25 81", lambda: os.write(fd, b"sesame\r")),
		         (b"GOT sesame", lambda: os.write(fd, b"\x01x"))]
		go, gone = os.pipe()
		pid, fd = pty.fork()
		if pid == 0:
		    os.read(go, 1)
		    os.execv(sys.argv[2], sys.argv[2:])
		resize(30, 100)
		os.write(gone, b"!")
		log = open(sys.argv[1], "wb")
		text = b""
		while True:
		    try:
		        data = os.read(fd, 4096)
		    except OSError:
		        break
		    if not data:
		        break
		    log.write(data)
		    log.flush()
		    text += data
		    if steps and steps[0][0] in text:
		        steps.pop(0)[1]()
		status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
		sys.exit(100 if steps else status)
	END
}

# The host's ends of the guest's channels: one that sends 100 MiB and wants them
# back, and clients one after the other.
host_ends()
{
	python3 - /tmp/echo /tmp/chat <<-'END'
		import os, socket, sys, threading

		def dial(path):
		    s = socket.socket(socket.AF_UNIX)
		    s.settimeout(400)
		    s.connect(path)
		    return s

		def line(s):
		    text = b""
		    while not text.endswith(b"\n"):
		        data = s.recv(1)
		        assert data, text
		        text += data
		    return text

		s = dial(sys.argv[2])
		assert line(s) == b"first\n"
		s.close()
		block = os.urandom(1 << 20)
		s = dial(sys.argv[1])
		def send():
		    for i in range(100):
		        s.sendall(i.to_bytes(4, "big") + block[4:])
		t = threading.Thread(target=send)
		t.start()
		for i in range(100):
		    want = i.to_bytes(4, "big") + block[4:]
		    got = bytearray()
		    while len(got) < len(want):
		        data = s.recv(len(want) - len(got))
		        assert data, (i, len(got))
		        got += data
		    assert got == want, i
		t.join()
		s.close()
		for i in range(3):
		    s = dial(sys.argv[2])
		    s.sendall(b"client %d\n" % i)
		    assert line(s) == b"got client %d\n" % i
		    s.close()
		print("pass")
	END
}

# await FILE: until it is there.
await()
{
	local i

	for ((i = 0; i < 200; i++)); do
		[ ! -e "$1" ] || return 0
		sleep 0.1
	done
	return 1
}

channels()
{
	local ends

	head -c 20000000 /dev/urandom >/tmp/blob
	(await /tmp/chat && await /tmp/echo && host_ends) \
		>"$LAB_OUT/ends.out" 2>&1 &
	ends=$!
	boots channels channels --channel unix:/tmp/echo,name=echo \
		--channel unix:/tmp/chat,name=chat \
		--channel fd=5,name=in --channel fd=6,name=blob \
		--channel file:/tmp/out,name=out \
		--channel file:/dev/null,name=sink \
		--stats "$LAB_OUT/channels.json" --timeout 500 \
		5</tmp/blob 6</tmp/blob
	wait $ends
}

bytes()
{
	local want

	want=$(md5sum </tmp/blob)
	said channels "^in $want"
	want=$(head -c 10000000 /tmp/blob | md5sum)
	said channels "^out $want"
	[ "$(md5sum </tmp/out)" = "$want" ]
	grep -qx pass "$LAB_OUT/ends.out"
	[ "$(stat_of "$LAB_OUT/channels.json" bytes_in)" -gt 100000000 ]
	[ "$(stat_of "$LAB_OUT/channels.json" kicks_trapped)" = 0 ]
}

names()
{
	local name

	for name in echo chat in blob out sink; do
		said channels "^port $name$"
	done
}

# Through the same VM, twice.
reboots()
{
	local pid

	initrd reboot >/dev/null
	"$WHERRY" run --kernel "$LAB_KERNEL" --initrd /tmp/reboot.cpio \
		--append 'console=hvc0 quiet' --timeout 120 \
		--console stdio,device=virtio </dev/null \
		>"$LAB_OUT/again.out" 2>&1 &
	pid=$!
	wait_for again '^REBOOTING' 2
	kill -KILL $pid
	wait $pid || true
}

plan 9
check_status escape 5 at_a_terminal
check hvc0 said hvc '^active .*hvc0$'
check window-size said hvc '^resized 25 81$'
check serial-beside said hvc '^beside$'
check reboot reboots
check channels channels
check channel-bytes bytes
check channel-names names
check channel-rebind said channels '^pass rebind$'
