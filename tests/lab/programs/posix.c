// SPDX-License-Identifier: BSD-2-Clause
/*
 * posix - asks a file system for what POSIX and Linux have, and prints what it
 * answers: as root, "posix DIRECTORY" prints a line for each call, with its
 * result, and one for each file that it changed. Two file systems are alike if
 * the lines are: nothing of what is expected stands here. Numbers of inodes,
 * times of now and sizes of directories are left out.
 */
#include "posix.h"

#include "posix-names.h"

static void files(void)
{
	OPENS(open("new", O_RDONLY));
	OPENS(open("new", O_CREAT | O_EXCL | O_RDWR, 0640));
	show("new");
	OPENS(open("new", O_CREAT | O_EXCL | O_RDWR, 0640));
	OPENS(open("new", O_CREAT | O_RDWR, 0600));
	OPENS(open("new", O_DIRECTORY | O_RDONLY));
	OPENS(open("new", O_TMPFILE | O_RDWR, 0600));
	file("new", "twelve bytes", 0640);
	OPENS(open("new", O_TRUNC | O_RDWR));
	show("new");
	umask(027);
	OPENS(open("masked", O_CREAT | O_RDWR, 0777));
	T(mkdir("maskedd", 0777));
	show("masked");
	show("maskedd");
	umask(0);
	OPENS(open("maskedd", O_RDWR));
	OPENS(open("maskedd", O_WRONLY));
	OPENS(open("maskedd", O_CREAT | O_RDONLY, 0600));
	OPENS(open("maskedd", O_RDONLY | O_TRUNC));
	OPENS(open("maskedd", O_RDONLY));
	T(unlink("maskedd"));
	T(rmdir("masked"));
	T(rmdir("maskedd"));
	T(unlink("masked"));
	T(unlink("masked"));
	T(truncate("new", 5000));
	show("new");
	T(truncate("new", -1));
	T(truncate("none", 1));
	T(truncate(".", 1));
	T(truncate("new", 3));
	show("new");
	T(unlink("new"));
}

static void data(void)
{
	char buf[100] = "";
	struct iovec v[2] = { { "abc", 3 }, { "defg", 4 } };
	off_t at;
	int fd, fd2;

	fd = open("data", O_CREAT | O_RDWR, 0600);
	T(writev(fd, v, 2));
	T(pwrite(fd, "X", 1, 3));
	T(pread(fd, buf, 100, 0));
	printf("%s: '%s'\n", part, buf);
	T(pread(fd, buf, 100, 7));
	T(pread(fd, buf, 100, 1000));
	T(lseek(fd, 0, SEEK_END));
	T(lseek(fd, -1, SEEK_SET));
	T(pwrite(fd, "end", 3, 100000));
	T(ftruncate(fd, 50000));
	T(pread(fd, buf, 3, 49990));
	T(fsync(fd));
	T(fdatasync(fd));
	T(syncfs(fd));
	T(fallocate(fd, 0, 60000, 10000));
	T(fallocate(fd, FALLOC_FL_KEEP_SIZE, 100000, 10000));
	T(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
	T(pread(fd, buf, 3, 0));
	T(fallocate(fd, 0, 0, 0));
	T(fallocate(fd, 0, -1, 5));
	show("data");
	T(pwrite(fd, "tail", 4, 65536));
	at = 65536;
	fd2 = open("data2", O_CREAT | O_RDWR | O_APPEND, 0600);
	T(copy_file_range(fd, &at, fd2, NULL, 4, 0));
	T(write(fd2, "and", 3));
	T(pwrite(fd2, "more", 4, 0));
	T(ftruncate(fd2, 20));
	T(write(fd2, "!", 1));
	close(fd2);
	show("data2");
	fd2 = open("data", O_RDONLY);
	T(write(fd2, "x", 1));
	T(ftruncate(fd2, 0));
	close(fd2);
	fd2 = open("data", O_WRONLY);
	T(read(fd2, buf, 1));
	close(fd2);
	T(unlink("data"));
	T(write(fd, "still", 5));
	T(lseek(fd, 0, SEEK_SET));
	T(read(fd, buf, 5));
	T(ftruncate(fd, 1));
	T(fchmod(fd, 0640));
	close(fd);
	T(unlink("data2"));
}

static void maps(void)
{
	int fd = open("map", O_CREAT | O_RDWR, 0600);
	char *p, *q, buf[8] = "";

	T(ftruncate(fd, 10000));
	T(pwrite(fd, "before", 6, 4090));
	p = mmap(NULL, 10000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	q = mmap(NULL, 10000, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	T(p == MAP_FAILED || q == MAP_FAILED);
	if (p == MAP_FAILED || q == MAP_FAILED)
		return;
	T(memcmp(p + 4090, "before", 6));
	T(memcmp(q + 4090, "before", 6));
	memcpy(p + 4090, "middle", 6);
	T(msync(p, 10000, MS_SYNC));
	T(pread(fd, buf, 6, 4090));
	T(memcmp(buf, "middle", 6));
	q[0] = 'q';
	T(pread(fd, buf, 1, 0));
	T(buf[0]);
	T(pwrite(fd, "later", 5, 9000));
	T(memcmp(p + 9000, "later", 5));
	close(fd);
	p[1] = 'p';
	T(munmap(p, 10000));
	fd = open("map", O_RDONLY);
	T(pread(fd, buf, 2, 0));
	T(buf[1]);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	T(p == MAP_FAILED ? -1 : 0);
	close(fd);
	T(munmap(q, 10000));
	T(unlink("map"));
}

static void times(void)
{
	const struct timespec set[] = { { 1000000000, 123456789 },
					{ 2000000001, 987654321 } };
	const struct timespec half[] = { { 0, UTIME_OMIT }, { 5, 0 } };
	const struct timespec none[] = { { 0, UTIME_OMIT }, { 0, UTIME_OMIT } };
	const struct timespec wrong[] = { { 0, 1000000000 }, { 0, 0 } };
	struct stat st, st2;
	int fd;

	file("f", "x", 0600);
	T(symlink("f", "l"));
	T(utimensat(AT_FDCWD, "f", set, 0));
	lstat("f", &st);
	T(st.st_atim.tv_sec);
	T(st.st_atim.tv_nsec);
	T(st.st_mtim.tv_sec);
	T(st.st_mtim.tv_nsec);
	T(utimensat(AT_FDCWD, "f", half, 0));
	T(utimensat(AT_FDCWD, "f", none, 0));
	lstat("f", &st);
	T(st.st_atim.tv_sec);
	T(st.st_mtim.tv_sec);
	T(utimensat(AT_FDCWD, "f", wrong, 0));
	T(utimensat(AT_FDCWD, "l", half, AT_SYMLINK_NOFOLLOW));
	lstat("l", &st);
	T(st.st_mtim.tv_sec);
	T(utimensat(AT_FDCWD, "none", set, 0));
	fd = open("f", O_RDWR);
	T(write(fd, "y", 1));
	fstat(fd, &st);
	T(st.st_mtim.tv_sec > 5);
	usleep(20000);
	T(fchmod(fd, 0640));
	fstat(fd, &st2);
	T(st2.st_ctim.tv_sec > st.st_ctim.tv_sec ||
	  st2.st_ctim.tv_nsec > st.st_ctim.tv_nsec);
	T(st2.st_mtim.tv_sec == st.st_mtim.tv_sec &&
	  st2.st_mtim.tv_nsec == st.st_mtim.tv_nsec);
	T(futimens(fd, set));
	close(fd);
	lstat("f", &st);
	T(st.st_mtim.tv_nsec);
	T(unlink("f"));
	T(unlink("l"));
}

static void nameless(void)
{
	int fd = open(".", O_TMPFILE | O_RDWR, 0600);
	char path[40];
	struct stat st;

	T(fd < 0 ? -1 : 0);
	T(write(fd, "named", 5));
	fstat(fd, &st);
	T(st.st_nlink);
	T(st.st_size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	T(linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
	T(close(fd));
	show("named");
	contents("named");
	T(unlink("named"));
	fd = open(".", O_TMPFILE | O_EXCL | O_WRONLY, 0600);
	T(write(fd, "x", 1));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	T(linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
	T(close(fd));
	OPENS(open(".", O_TMPFILE | O_RDONLY, 0600));
}

static void attributes(void)
{
	char buf[300] = "";

	file("f", "x", 0600);
	T(symlink("f", "l"));
	T(setxattr("f", "user.one", "first", 5, 0));
	T(setxattr("f", "user.one", "first", 5, XATTR_CREATE));
	T(setxattr("f", "user.two", "", 0, XATTR_REPLACE));
	T(setxattr("f", "user.two", "", 0, XATTR_CREATE));
	T(getxattr("f", "user.one", buf, sizeof(buf)));
	T(getxattr("f", "user.one", buf, 2));
	T(getxattr("f", "user.one", NULL, 0));
	T(getxattr("f", "user.none", buf, sizeof(buf)));
	T(getxattr("f", "trusted.overlay.opaque", buf, sizeof(buf)) >= 0);
	T(getxattr("f", "security.capability", buf, sizeof(buf)) >= 0);
	T(listxattr("f", buf, 3));
	T(listxattr("f", buf, sizeof(buf)));
	T(removexattr("f", "user.two"));
	T(removexattr("f", "user.two"));
	T(lsetxattr("l", "user.x", "", 0, 0));
	T(llistxattr("l", buf, sizeof(buf)));
	T(setxattr("none", "user.x", "", 0, 0));
	T(setxattr(".", "user.x", "d", 1, 0));
	T(getxattr(".", "user.x", buf, sizeof(buf)));
	T(removexattr(".", "user.x"));
	T(unlink("f"));
	T(unlink("l"));
}

static void other_locker(void)
{
	struct flock l = { .l_type = F_WRLCK, .l_start = 5, .l_len = 1 };
	int fd = open("lock", O_RDWR);

	T(flock(fd, LOCK_EX | LOCK_NB));
	T(flock(fd, LOCK_SH | LOCK_NB));
	T(fcntl(fd, F_SETLK, &l));
	l.l_start = 20;
	T(fcntl(fd, F_SETLK, &l));
	l.l_start = 5;
	T(fcntl(fd, F_GETLK, &l));
	T(l.l_type);
	T(l.l_start);
	T(l.l_pid == getppid());
	T(fcntl(fd, F_OFD_SETLK, &l));
	close(fd);
}

static void locks(void)
{
	struct flock l = { .l_type = F_WRLCK, .l_len = 10 };
	int fd, status;

	file("lock", "0123456789", 0666);
	fd = open("lock", O_RDWR);
	T(flock(fd, LOCK_EX));
	T(fcntl(fd, F_SETLK, &l));
	fflush(stdout);
	if (!fork()) {
		other_locker();
		fflush(stdout);
		_exit(0);
	}
	wait(&status);
	T(status);
	T(flock(fd, LOCK_UN));
	close(fd);
	T(unlink("lock"));
}

/* Each in a directory of its own, which it leaves empty. */
static void run(const char *name, void (*f)(void))
{
	part = name;
	if (mkdir(name, 0755) || chdir(name))
		err(1, "%s", name);
	f();
	if (chdir(".."))
		err(1, "..");
	say("nothing is left", rmdir(name));
}

int main(int argc, char **argv)
{
	if (argc != 2 || chdir(argv[1]))
		errx(2, "see the head of posix.c");
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	umask(0);
	make_names();
	run("names", names);
	run("files", files);
	run("data", data);
	run("maps", maps);
	run("links", links);
	run("directories", directories);
	run("moves", moves);
	run("modes", modes);
	run("permissions", permissions);
	run("times", times);
	run("nameless", nameless);
	run("attributes", attributes);
	run("locks", locks);
	return 0;
}
