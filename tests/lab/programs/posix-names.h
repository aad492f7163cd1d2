/* SPDX-License-Identifier: BSD-2-Clause */
/* For posix.c: names, links, directories, and who may do what to them. */
#ifndef TESTS_LAB_PROGRAMS_POSIX_NAMES_H
#define TESTS_LAB_PROGRAMS_POSIX_NAMES_H

static char name255[256], name256[257], path4095[4096], path4096[4097];

static void make_names(void)
{
	memset(name255, 'n', 255);
	memset(name256, 'n', 256);
	for (int i = 0; i < 4095; i++)
		path4095[i] = i % 2 ? '/' : '.';
	memcpy(path4096, path4095, 4095);
	path4096[4095] = '/';
	path4095[4094] = '.';
}

static void names(void)
{
	OPENS(open(name255, O_CREAT | O_EXCL | O_WRONLY, 0600));
	show(name255);
	T(unlink(name255));
	OPENS(open(name256, O_CREAT | O_EXCL | O_WRONLY, 0600));
	T(mkdir(name256, 0700));
	T(symlink("x", name256));
	T(mkfifo(name256, 0600));
	T(mkdir(path4096, 0700));
	T(access(path4095, F_OK));
	T(mkdir("", 0700));
	T(mkdir(".", 0700));
	T(mkdir("..", 0700));
	T(rmdir("."));
	T(unlink("."));
	file("f", "x", 0644);
	T(mkdir("f/x", 0700));
	T(unlink("f/x"));
	T(rename("f/x", "y"));
	OPENS(open("f/", O_RDONLY));
	OPENS(open("new/", O_CREAT | O_RDONLY, 0600));
	T(mkdir("slash///", 0700));
	T(rmdir("slash/"));
	T(access("none/x", F_OK));
	OPENS(open("a b\nc\xff", O_CREAT | O_RDWR, 0600));
	T(unlink("a b\nc\xff"));
	T(unlink("f"));
}

static void links(void)
{
	file("one", "1", 0644);
	T(link("one", "two"));
	show("one");
	show("two");
	T(link("one", "two"));
	T(link("none", "three"));
	T(link(".", "dir"));
	T(link("one", "none/three"));
	T(symlink("one", "sym"));
	T(linkat(AT_FDCWD, "sym", AT_FDCWD, "sym2", 0));
	T(linkat(AT_FDCWD, "sym", AT_FDCWD, "one2", AT_SYMLINK_FOLLOW));
	show("sym2");
	show("one2");
	T(unlink("one"));
	T(chmod("two", 0600));
	show("one2");
	contents("two");
	T(unlink("one2"));
	T(unlink("two"));
	T(readlink("sym", name256, 2));
	T(readlink(".", name256, 2));
	memset(name256, 'n', 256);
	T(symlink("", "empty"));
	T(symlink("one", "sym"));
	T(symlink(path4095, "long"));
	T(symlink(path4096, "longer"));
	T(unlink("long"));
	T(symlink("loop", "loop"));
	OPENS(open("loop", O_RDONLY));
	OPENS(open("loop/x", O_RDONLY));
	OPENS(open("sym", O_RDONLY | O_NOFOLLOW));
	OPENS(open("sym", O_CREAT | O_WRONLY, 0600)); /* through it */
	show("one");
	OPENS(open("sym2", O_CREAT | O_EXCL | O_WRONLY, 0600));
	T(chmod("sym", 0604));
	show("one");
	T(lchown("sym", 0, 0));
	T(unlink("sym/"));
	T(unlink("sym"));
	T(unlink("sym2"));
	T(unlink("loop"));
	T(unlink("one"));
}

static void directories(void)
{
	char name[30];
	struct dirent *d;
	int n = 0;
	DIR *dir;

	T(mkdir("d", 0755));
	T(mkdir("d", 0755));
	T(mkdir("d/e", 01777));
	show("d");
	show("d/e");
	T(rmdir("d"));
	T(rmdir("d/e/"));
	T(rmdir("d/."));
	T(rmdir("d/.."));
	T(rmdir("none"));
	for (int i = 0; i < 150; i++) {
		snprintf(name, sizeof(name), "d/file-%d", i);
		close(open(name, O_CREAT | O_WRONLY, 0600));
	}
	dir = opendir("d");
	while ((d = readdir(dir))) {
		n++;
		if (d->d_name[0] == 'f' && unlinkat(dirfd(dir), d->d_name, 0))
			printf("%s: %s: %s\n", part, d->d_name,
			       strerrorname_np(errno));
	}
	T(n);
	rewinddir(dir);
	for (n = 0; readdir(dir); n++)
		;
	T(n);
	T(fsync(dirfd(dir)));
	T(rmdir("d"));
	OPENS(openat(dirfd(dir), "x", O_CREAT | O_WRONLY, 0600));
	T(faccessat(dirfd(dir), ".", F_OK, 0));
	closedir(dir);
	show("d");
}

static int renames(const char *from, const char *to, unsigned int flags)
{
	return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
}

static void moves(void)
{
	int fd;

	file("a", "a", 0600);
	file("b", "bb", 0640);
	T(rename("a", "c"));
	T(rename("a", "c"));
	T(rename("c", "b"));
	show("b");
	show("c");
	T(mkdir("d", 0755));
	T(mkdir("e", 0755));
	T(rename("b", "d"));
	T(rename("d", "b"));
	T(rename("d", "e"));
	T(mkdir("e/sub", 0700));
	T(mkdir("d", 0700));
	T(rename("d", "e"));
	T(rename("e", "e/sub/x"));
	T(rename("e", "e/sub"));
	T(rename("e/sub", "."));
	T(rename(".", "x"));
	T(rename("e/sub", "d/sub"));
	show("e");
	show("d");
	file("a", "a", 0600);
	T(renames("a", "b", RENAME_NOREPLACE));
	T(renames("a", "n", RENAME_NOREPLACE));
	T(renames("n", "b", RENAME_EXCHANGE));
	contents("n");
	contents("b");
	T(renames("d", "b", RENAME_EXCHANGE));
	show("d");
	T(access("b/sub", F_OK));
	T(renames("d", "none", RENAME_EXCHANGE));
	T(renames("b", "n", 8));
	T(link("n", "m"));
	T(rename("n", "m")); /* two names of one file */
	show("n");
	T(rename("n", "n"));
	fd = open("m", O_RDWR);
	file("o", "other", 0600);
	T(rename("o", "m"));
	T(write(fd, "gone", 4));
	close(fd);
	contents("m");
	T(rename(name255, "x"));
	T(rename("m", name256));
	T(unlink("n"));
	T(unlink("m"));
	T(unlink("d"));
	T(rmdir("b/sub"));
	T(rmdir("b"));
	T(rmdir("e"));
}

static void modes(void)
{
	int fd;

	file("f", "x", 0644);
	T(chmod("f", 0));
	show("f");
	T(chmod("f", 01755));
	show("f");
	T(chmod("none", 0600));
	fd = open("f", O_RDONLY);
	T(fchmod(fd, 0640));
	T(fchown(fd, 0, 0));
	T(fchown(fd, (uid_t)-1, (gid_t)-1));
	close(fd);
	T(chown("none", 0, 0));
	T(mkdir("d", 0700));
	T(chmod("d", 01777));
	show("d");
	T(mkfifo("p", 0620));
	show("p");
	T(mknod("s", S_IFSOCK | 0600, 0));
	show("s");
	T(mknod("r", S_IFREG | 0600, 0));
	show("r");
	T(mknod("r", S_IFREG | 0600, 0));
	T(chmod("p", 0600));
	T(chmod("s", 0660));
	show("p");
	show("s");
	T(unlink("p"));
	T(unlink("s"));
	T(unlink("r"));
	T(unlink("f"));
	T(rmdir("d"));
}

static void user(void)
{
	OPENS(open("private", O_RDONLY));
	OPENS(open("public", O_RDONLY));
	OPENS(open("public", O_WRONLY));
	OPENS(open("drop", O_WRONLY));
	OPENS(open("drop", O_RDONLY));
	OPENS(open("closed/in", O_RDONLY));
	OPENS(open("new", O_CREAT | O_WRONLY, 0600));
	T(access("public", R_OK));
	T(access("public", W_OK));
	T(access("run", X_OK));
	T(access("public", X_OK));
	T(unlink("public"));
	T(unlink("sticky/root's"));
	T(rename("sticky/root's", "sticky/mine"));
	T(mkdir("closed/x", 0700));
	T(chmod("public", 0666));
	T(chown("public", USER, USER));
	T(truncate("public", 0));
	T(truncate("drop", 0));
	T(utimensat(AT_FDCWD, "public", NULL, 0));
	T(utimensat(AT_FDCWD, "drop", NULL, 0));
	T(setxattr("public", "user.x", "1", 1, 0));
	T(getxattr("private", "user.x", NULL, 0));
	T(opendir("closed") ? 0 : -1);
	T(opendir("search") ? 0 : -1);
	T(access("search/in", R_OK));
	T(rename("public", "search/public"));
	T(link("public", "sticky/public"));
}

static void permissions(void)
{
	file("private", "root's", 0600);
	file("public", "all's", 0644);
	file("drop", "", 0622);
	file("run", "", 0755);
	T(mkdir("closed", 0700));
	T(mkdir("search", 0711));
	T(mkdir("sticky", 01777));
	file("closed/in", "", 0666);
	file("search/in", "", 0644);
	file("sticky/root's", "", 0666);
	as_user(user);
	T(unlink("private"));
	T(unlink("public"));
	T(unlink("drop"));
	T(unlink("run"));
	T(unlink("closed/in"));
	T(unlink("search/in"));
	T(unlink("sticky/root's"));
	T(unlink("sticky/public"));
	T(rmdir("closed"));
	T(rmdir("search"));
	T(rmdir("sticky"));
}

#endif
